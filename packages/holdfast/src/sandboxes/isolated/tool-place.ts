import { ToolError } from "../../core/errors.ts";
import { failure } from "../../core/failure.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { SandboxOutput, SandboxVerification } from "../../ports/sandbox.ts";
import type { ToolContext } from "../../ports/tool.ts";
import { answerAsk } from "./answer-ask.ts";
import type { Carrier, End, StartCarrier } from "./carrier.ts";
import { MAX_NOTES_AHEAD, type FromHost, type Note, type SecretAnswer, type ToolMember } from "./messages.ts";
import { OutputLines } from "./output-lines.ts";
import { notEntered, stoppedBefore, tell, ToldError } from "./told-error.ts";

type Result = SandboxOutput | SandboxVerification;

type Running = {
  readonly tool: string;
  readonly context: ToolContext;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
  readonly forget: () => void;
  readonly output: OutputLines;
  grace: Timer | null;
  notesTaken: number;
};

export type PlaceSettings = {
  readonly module: string;
  readonly maxMemoryMb: number;
  readonly start: StartCarrier;
  readonly clock: Clock;
  /** Time between telling a tool to stop and stopping it. */
  readonly graceMs: number;
  /** Once, when the thread or process is gone. */
  readonly onEnd: (place: ToolPlace) => void;
};

export type PlaceCall = {
  readonly tool: string;
  readonly member: ToolMember;
  readonly input: unknown;
  readonly context: ToolContext;
};

/** This end of one thread or process: it loads a module once, and runs one call at a time (I2). */
export class ToolPlace {
  readonly #settings: PlaceSettings;
  readonly #carrier: Carrier;
  readonly #loading = Promise.withResolvers<readonly string[]>();
  readonly #ended = Promise.withResolvers<void>();
  #running: Running | null = null;
  #dying: string | null = null;
  #isSpoilt = false;

  constructor(settings: PlaceSettings) {
    const { module, maxMemoryMb, start, clock } = settings;
    this.#settings = settings;
    // Nobody may be waiting for it any more.
    this.#loading.promise.catch(() => undefined);
    this.#carrier = start(
      { maxMemoryMb, clock },
      {
        onMessage: (message) => this.#hear(message),
        onSecret: (name) => this.#secret(name),
        onEnd: (end) => this.#end(end),
      },
    );
    this.#carrier.post({ kind: "load", settings: { module } });
  }

  /** Names of the tools in its module; rejects when it cannot be loaded. */
  get loaded(): Promise<readonly string[]> {
    return this.#loading.promise;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Whether it may take another call (I2). */
  get isFit(): boolean {
    return !this.#isSpoilt;
  }

  kill(): void {
    this.#isSpoilt = true;
    this.#carrier.kill();
  }

  run({ tool, member, input, context }: PlaceCall): Promise<Result> {
    if (context.signal.aborted) return Promise.reject(stoppedBefore());
    return new Promise((resolve, reject) => {
      const { session, runId, callId, attempt, idempotencyKey, signal } = context;
      try {
        const facts = { session, runId, callId, attempt, idempotencyKey };
        this.#carrier.post({ kind: "call", tool, member, input, facts });
      } catch (thrown) {
        reject(notEntered(failure("TOOL_INPUT_INVALID", cannotCross(tool, thrown), { retryable: false })));
        return;
      }
      const abort = (): void => this.#abort();
      signal.addEventListener("abort", abort, { once: true });
      const forget = (): void => signal.removeEventListener("abort", abort);
      const output = new OutputLines(context.log);
      this.#running = { tool, context, resolve, reject, forget, output, grace: null, notesTaken: 0 };
    });
  }

  /** The tool is told; if that does not help, it is stopped (I3). */
  #abort(): void {
    const running = this.#running;
    if (running === null) return;
    this.#isSpoilt = true;
    const reason: unknown = running.context.signal.reason;
    this.#carrier.post({ kind: "abort", reason: reason instanceof Error ? reason.message : String(reason) });
    running.grace = this.#settings.clock.startTimer(this.#settings.graceMs, () => this.#carrier.kill());
  }

  #hear(message: FromHost): void {
    switch (message.kind) {
      case "loaded":
        this.#loading.resolve(message.tools);
        break;
      case "not-loaded":
        this.#isSpoilt = true;
        this.#loading.reject(notEntered({ ...message.failure, retryable: false }));
        break;
      case "done":
        this.#take()?.resolve(message.result);
        break;
      case "threw":
        this.#take()?.reject(new ToldError(message.told));
        break;
      case "dying":
        this.#dying = message.why;
        break;
      case "ask":
        void this.#answer(message);
        break;
      case "log":
      case "progress":
      case "print":
        this.#note(message);
        break;
      case "secret":
        break;
    }
  }

  async #answer(ask: FromHost & { readonly kind: "ask" }): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    const answer = await answerAsk(running.context, ask);
    // The next call has questions of its own.
    if (this.#running === running) this.#carrier.post(answer);
  }

  #note(note: Note): void {
    const running = this.#running;
    if (running === null) return;
    if (note.kind === "progress") running.context.progress(note.message);
    else if (note.kind === "print") running.output.take(note.stream, note.text);
    else running.context.log[note.level](note.message, note.fields);
    running.notesTaken += 1;
    if (running.notesTaken < MAX_NOTES_AHEAD / 4) return;
    this.#carrier.post({ kind: "credit", count: running.notesTaken });
    running.notesTaken = 0;
  }

  #secret(name: string): SecretAnswer {
    try {
      if (this.#running === null) throw new ToolError("A secret was asked for outside of a call.");
      return { value: this.#running.context.secret(name) };
    } catch (thrown) {
      return { error: tell(thrown) };
    }
  }

  #end({ why }: End): void {
    this.#isSpoilt = true;
    const told = this.#dying ?? why;
    this.#loading.reject(
      notEntered(failure("TOOL_CRASHED", `The tool's module could not be loaded: ${told}.`)),
    );
    const running = this.#take();
    running?.reject(
      new ToldError({
        failure: failure("TOOL_CRASHED", `${running.tool} did not come to its end: ${told}.`),
        executed: undefined,
        retryAfterMs: undefined,
      }),
    );
    this.#settings.onEnd(this);
    this.#ended.resolve();
  }

  #take(): Running | null {
    const running = this.#running;
    this.#running = null;
    running?.forget();
    running?.grace?.stop();
    running?.output.end();
    return running;
  }
}

const cannotCross = (tool: string, thrown: unknown): string =>
  `The input of ${tool} cannot be sent to where it runs: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
