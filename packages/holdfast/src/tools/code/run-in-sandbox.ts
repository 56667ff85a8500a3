import { CutText } from "./cut-text.ts";
import type { CodeLimits } from "./code-limits.ts";
import { giveWay, useOfTree } from "./process-tree.ts";
import type { SandboxPlan } from "./sandbox-command.ts";
import { startSandbox, type SandboxProcess } from "./start-sandbox.ts";
import type { Ticker } from "./ticker.ts";
import { useOfWorkspace } from "./workspace-use.ts";

/** Why code was stopped before it ended by itself. */
export type StopReason = "time" | "cpu" | "memory" | "output" | "disk" | "aborted";

export type SandboxRun = {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  /** Number of the signal that ended it; null when none did. */
  readonly signal: number | null;
  readonly stopped: StopReason | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Processor time as it was last looked at. */
  readonly cpuMs: number;
};

export type RunOptions = {
  readonly plan: SandboxPlan;
  readonly code: string;
  readonly signal: AbortSignal;
  readonly ticker: Ticker;
  /** What the workspace held before, in bytes: a session may clean up when it has too much. */
  readonly workspaceBytes: number;
  readonly onStart: (child: SandboxProcess) => void;
};

/** Runs code in a sandbox until it ends or has to be stopped. Rejects only when it could not be started. */
export const runInSandbox = async (options: RunOptions): Promise<SandboxRun> => {
  const { plan, code, signal, ticker } = options;
  let watch: Watch | null = null;
  const abort = (): void => watch?.stop("aborted");
  // First, so that nothing runs that nobody looks at.
  const stopTicks = ticker.start(() => watch?.look());
  try {
    const child = startSandbox(plan, { code });
    options.onStart(child);
    watch = new Watch(child, options);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    return watch.finish(await endOf(child));
  } finally {
    stopTicks();
    signal.removeEventListener("abort", abort);
  }
};

type End = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

const endOf = (child: SandboxProcess): Promise<End> =>
  new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal }));
  });

/** Processor time after which code gives way to other sessions' code. */
const SHORT_MS = 500;
const TICKS_PER_WALK = 10;
const MIB = 1_024 * 1_024;

/** Keeps one run within its limits. */
class Watch {
  readonly #child: SandboxProcess;
  readonly #limits: CodeLimits;
  readonly #options: RunOptions;
  readonly #stdout = new CutText();
  readonly #stderr = new CutText();
  #stopped: StopReason | null = null;
  #cpuMs = 0;
  #ticks = 0;
  #isWalking = false;

  constructor(child: SandboxProcess, options: RunOptions) {
    this.#child = child;
    this.#options = options;
    this.#limits = options.plan.limits;
    child.stdout.on("data", (chunk: Buffer) => this.#printed(this.#stdout, chunk));
    child.stderr.on("data", (chunk: Buffer) => this.#printed(this.#stderr, chunk));
  }

  stop(reason: StopReason): void {
    this.#stopped ??= reason;
    this.#child.kill("SIGKILL");
  }

  look(): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#child.exitCode !== null || this.#stopped !== null) return;
    const use = useOfTree(pid, this.#limits.maxProcesses + 16);
    this.#cpuMs = Math.max(this.#cpuMs, use.cpuMs);
    if (use.memoryBytes > this.#limits.memoryMb * MIB) this.stop("memory");
    else if (use.cpuMs > this.#limits.cpuSeconds * 1_000) this.stop("cpu");
    else if (use.writtenBytes > 2 * this.#maxBytes()) this.stop("disk");
    else if (use.cpuMs > SHORT_MS) giveWay(use.pids);
    this.#ticks += 1;
    if (this.#ticks % TICKS_PER_WALK === 0) void this.#walk();
  }

  /** What was there before may be kept, and not added to. */
  #maxBytes(): number {
    return Math.max(this.#limits.maxWorkspaceMb * MIB, this.#options.workspaceBytes);
  }

  /** Never rejects. */
  async #walk(): Promise<void> {
    if (this.#isWalking) return;
    this.#isWalking = true;
    const { maxWorkspaceFiles } = this.#limits;
    const use = await useOfWorkspace(this.#options.plan.workspace, maxWorkspaceFiles);
    this.#isWalking = false;
    if (use.bytes > this.#maxBytes() || use.count > maxWorkspaceFiles) this.stop("disk");
  }

  /** What is printed without end is not read without end: that would be our own time. */
  #printed(text: CutText, chunk: Buffer): void {
    text.add(chunk);
    if (text.bytes > this.#limits.maxOutputKb * 1_024) this.stop("output");
  }

  finish({ code, signal }: End): SandboxRun {
    // Stopped, and not by us: then it was the time limit, which the start of the process was told.
    const late = this.#stopped === null && signal === "SIGKILL" && this.#child.killed ? "time" : null;
    const stopped = this.#stopped ?? late ?? (code === SIGNALLED + SIGXCPU ? "cpu" : null);
    const bySignal = code !== null && code > SIGNALLED ? code - SIGNALLED : null;
    return {
      exitCode: bySignal === null && stopped === null ? code : null,
      signal: stopped === null ? bySignal : null,
      stopped,
      stdout: this.#stdout.text(),
      stderr: this.#stderr.text(),
      cpuMs: this.#cpuMs,
    };
  }
}

/** How a shell, and the sandbox, tell that a signal ended a process. */
const SIGNALLED = 128;
const SIGXCPU = 24;
