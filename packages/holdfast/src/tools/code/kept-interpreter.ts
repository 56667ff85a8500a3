import { startDeadline } from "./deadline.ts";
import { MarkedOutput } from "./marked-output.ts";
import { endOf, howItEnded, type SandboxEnd, type SandboxRun } from "./run-in-sandbox.ts";
import type { SandboxPlan } from "./sandbox-command.ts";
import { giveCode, startSandbox, type SandboxProcess } from "./start-sandbox.ts";
import type { Ticker } from "./ticker.ts";
import { Watch, type StopReason } from "./watch.ts";
import type { WayOut } from "./way-out.ts";

export type KeptCall = {
  /** Without a zero byte: that is where it ends. */
  readonly code: string;
  readonly signal: AbortSignal;
  /** What the workspace held before, in bytes. */
  readonly workspaceBytes: number;
};

export type KeptStart = {
  readonly plan: SandboxPlan;
  /** What it runs first, and which takes the code of each call. */
  readonly driver: string;
  readonly ticker: Ticker;
  readonly wayOut: WayOut | null;
  /** Lets go of what was there for it alone. */
  readonly onEnd: () => Promise<void>;
};

/** The end of a process that could not be started after all. */
const NEVER: SandboxEnd = { code: null };

/** An interpreter in a sandbox, which goes on from call to call. */
export class KeptInterpreter {
  readonly child: SandboxProcess;
  /** Settled when nothing of it is left. */
  readonly end: Promise<SandboxEnd>;
  readonly #plan: SandboxPlan;
  readonly #wayOut: WayOut | null;
  readonly #watch: Watch;
  readonly #stdout: MarkedOutput;
  readonly #stderr: MarkedOutput;
  #isAlive = true;
  #streamsDone = 0;
  #settle: (status: number | null) => void = () => undefined;

  /** @throws ToolError with `executed: false` when no process can be started. */
  constructor({ plan, driver, ticker, wayOut, onEnd }: KeptStart) {
    this.#plan = plan;
    this.#wayOut = wayOut;
    // First, so that nothing runs that nobody looks at.
    const stopTicks = ticker.start(() => this.#watch.look());
    try {
      this.child = startSandbox(plan);
      giveCode(this.child, driver);
    } catch (thrown) {
      stopTicks();
      throw thrown;
    }
    this.#watch = new Watch(this.child, plan, 0);
    this.#stdout = this.#read(this.child.stdout);
    this.#stderr = this.#read(this.child.stderr);
    this.end = this.#untilEnd(stopTicks, onEnd);
  }

  /** Never rejects. */
  async #untilEnd(stopTicks: () => void, onEnd: () => Promise<void>): Promise<SandboxEnd> {
    const end = await endOf(this.child).catch(() => NEVER);
    this.#isAlive = false;
    stopTicks();
    this.#settle(null);
    await onEnd();
    return end;
  }

  get isAlive(): boolean {
    return this.#isAlive && this.#watch.stopped === null;
  }

  get stopped(): StopReason | null {
    return this.#watch.stopped;
  }

  /** What was refused since this was asked last. */
  takeRefused(): readonly string[] {
    return this.#wayOut?.takeRefused() ?? [];
  }

  /** Runs one call after another; when it has ended, `isAlive` says whether there may be a next one. */
  async run({ code, signal, workspaceBytes }: KeptCall): Promise<SandboxRun> {
    const { promise, resolve } = Promise.withResolvers<number | null>();
    const abort = (): void => this.#watch.stop("aborted");
    this.#settle = resolve;
    this.#streamsDone = 0;
    this.#watch.beginAgain(workspaceBytes);
    const stopDeadline = startDeadline(this.#plan.limits.timeoutMs, () => this.#watch.stop("time"));
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    if (this.#isAlive) this.child.stdin?.write(`${code}\0`);
    else resolve(null);
    const status = await promise;
    stopDeadline();
    signal.removeEventListener("abort", abort);
    if (status !== null) return this.#told(status);
    const how = howItEnded(await this.end, this.#watch.stopped);
    return { ...how, stdout: this.#stdout.takeAll(), stderr: this.#stderr.takeAll() };
  }

  #told(exitCode: number): SandboxRun {
    return {
      exitCode,
      signal: null,
      stopped: null,
      stdout: this.#stdout.take(),
      stderr: this.#stderr.take(),
    };
  }

  /** Ends it, with everything that it has started. */
  async close(): Promise<void> {
    this.#watch.stop("closed");
    await this.end;
  }

  #read(stream: SandboxProcess["stdout"]): MarkedOutput {
    const output = new MarkedOutput((status) => this.#markDone(status));
    stream.on("data", (chunk: Buffer) => {
      output.add(chunk);
      if (output.bytes > this.#plan.limits.maxOutputKb * 1_024) this.#watch.stop("output");
    });
    return output;
  }

  /** Both streams have to have come so far: what was printed before is there then. */
  #markDone(status: number): void {
    this.#streamsDone += 1;
    if (this.#streamsDone === 2) this.#settle(status);
  }
}
