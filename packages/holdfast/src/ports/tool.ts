import type { Resumption, SuspendFor, Suspension } from "./suspension.ts";
import type { CallLimits } from "./call-limits.ts";
import type { CircuitPolicy } from "../core/circuit.ts";
import { toFailure } from "../core/failure.ts";
import type { History } from "../core/hand-off-terms.ts";
import type { JsonSchema, JsonValue } from "../core/json.ts";
import type { ToolOutput } from "../core/message.ts";
import type { ToolPolicy } from "../core/run-settings.ts";
import type { ApprovalContext, ApprovalRequest } from "./approval.ts";
import type { Artifacts } from "./artifacts.ts";
import type { ToolResource } from "./tool-resource.ts";
import type { SessionHistory } from "./session-history.ts";
import type { SessionContext } from "./session-context.ts";

/**
 * A tool as the engine dispatches it. Contract:
 *
 * T1  `parseInput` never throws: what is wrong comes back as issues a model can read.
 * T2  `execute` is entered only after its start is durable, with a validated input (E1, E2).
 * T3  `execute` obeys `ctx.signal`; what it returns after that is recorded as late and not used (E5).
 * T4  `idempotencyKey` is the same for every attempt of one call, on every machine.
 * T5  `verify` says whether an attempt of unknown outcome took place, and does nothing else.
 */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: JsonSchema;
  readonly policy: ToolPolicy;
  /** Results longer than this many characters are spilled to a file in the workspace. */
  readonly maxOutputChars: number;
  /** Whether its last result is told for as long as the session lasts, also when its turn has left the window. */
  readonly isPinned?: boolean;
  /** Where its code runs, when not in the process itself; then the engine enters it through a sandbox. */
  readonly isolation?: ToolIsolation;
  parseInput(input: JsonValue): ParsedInput | Promise<ParsedInput>;
  execute(input: unknown, context: ToolContext): Promise<unknown>;
  verify?(input: unknown, context: ToolContext): Promise<Verification>;
  /** Takes back what a call did; entered as a call of its own, by the rules of the effect that its policy declares. */
  undo?: ToolUndo;
  /** A key of the tool's own making, from the call's input; the default is made from session and call. */
  idempotencyKey?(input: unknown): string;
  /** What somebody has to be asked before a call with this input runs; null for nothing. */
  approval?(input: unknown, context: ApprovalContext): Promise<ApprovalRequest | null>;
  /** Where the tool is another agent: what that is told, made of the call's input. */
  toMessage?(input: unknown): string;
  /** Where the session is handed over to another agent: how much of the conversation that sees. */
  readonly history?: History;
  /** The form of a result, where the caller runs the tool and it has one. */
  readonly resultSchema?: JsonSchema;
  /** What is wrong with a result for this input, where the caller runs the tool; nothing when it is well. */
  checkResult?(input: unknown, result: unknown): readonly string[];
  /** What is not called for a while when it keeps failing; tools of one name share it (E7). */
  readonly circuit?: { readonly name: string; readonly policy: CircuitPolicy };
  /** What takes its place when it has failed for good (E7). */
  readonly fallback?: ToolFallback;
  /** How many of its calls may be under way, and how often they begin (E7). */
  readonly limits?: CallLimits;
  /** What it holds open between calls; several tools may have one. */
  readonly resource?: ToolResource;
  /** Turns a result into what the model sees; throws when the result is not what was declared. */
  toOutput(result: unknown): Promise<ToolOutput>;
}

/** What is used in place of a tool that failed: another tool of the agent, or its own last good answer. */
export type ToolFallback = { readonly tool: string | null; readonly lastGoodMs: number | null };

/** A call that took effect and is to be undone, as the journal has it. */
export type DoneCall<Input = unknown, Output = unknown> = {
  readonly input: Input;
  /** What it returned, as it was journaled: JSON, without secrets. */
  readonly output: Output;
  readonly callId: string;
  /** The key it was made with. */
  readonly idempotencyKey: string;
};

/** How a tool takes back what a call did. `context.idempotencyKey` is of the undo, the same at every attempt. */
export type ToolUndo = {
  execute(done: DoneCall, context: ToolContext): Promise<unknown>;
  verify?(done: DoneCall, context: ToolContext): Promise<Verification>;
};

/**
 * Where the code of an isolated tool runs, and how far it may go. `thread`: a thread of this process with
 * a heap of its own; it can be stopped in an endless loop, but whatever kills the process kills all. `process`:
 * a process of its own, which may die in any way.
 */
export type SandboxKind = "thread" | "process";

/** What an isolated tool says of its place; resolved. */
export type ToolIsolation = {
  readonly kind: SandboxKind;
  /** URL of the module that exports the tool. */
  readonly module: string;
  /** Longest heap of JavaScript objects, in MiB. Bytes of buffers are not counted in it. */
  readonly maxMemoryMb: number;
  /** Whether a place may take another call, of any session, after one that ended well. */
  readonly isReused: boolean;
};

/** What the model sees where `toOutput` threw. Even of a `write` the outcome is known: only its result is not what was declared. */
export const invalidOutput = (thrown: unknown): ToolOutput => {
  const problem = toFailure(thrown, "TOOL_OUTPUT_INVALID");
  return { type: "error", value: `${problem.code}: ${problem.message}` };
};

export type ParsedInput =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly issues: readonly string[] };

export type Verification =
  | { readonly status: "done"; readonly output: unknown }
  | { readonly status: "not-done" }
  | { readonly status: "unknown"; readonly evidence?: JsonValue };

/** What a tool knows about where it runs. */
export type ToolContext<Deps = unknown> = {
  readonly session: SessionContext;
  readonly runId: string;
  readonly callId: string;
  /** Aborted on timeout and on cancel. */
  readonly signal: AbortSignal;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Why the tool was entered again after it suspended itself; null at first. */
  readonly resume: Resumption | null;
  /**
   * What to return in order to wait for a time, or for a signal by its key: nothing is held meanwhile, and the tool is
   * entered again from the top, with the same idempotency key and with `resume`.
   *
   * @throws ConfigurationError when it is neither.
   */
  readonly suspend: (wait: SuspendFor) => Suspension;
  /** Stable across attempts, crashes and machines: hand it to whatever you call. */
  readonly idempotencyKey: string;
  /** The session's own directory; made when first asked for. */
  readonly workspace: Workspace;
  /** Files that are kept with the result of this call. */
  readonly artifacts: Artifacts;
  /** What was said in the session, whatever has left the window. */
  readonly history: SessionHistory;
  /** A secret by name; its value never enters journal, log, trace or model context (O2). */
  readonly secret: (name: string) => string;
  readonly log: Logger;
  /** Shows how far the tool has come; not durable. */
  readonly progress: (message: string) => void;
  readonly deps: Deps;
};

/** A directory that no path leaves. */
export interface Workspace {
  /** Absolute path of the directory. */
  path(): Promise<string>;
  /** Absolute path of a file inside it; refuses what would lie outside. */
  resolve(relativePath: string): Promise<string>;
  write(relativePath: string, content: string | Uint8Array): Promise<string>;
  /** Its first `maxBytes` bytes; all of them by default. */
  read(relativePath: string, options?: { readonly maxBytes?: number }): Promise<Uint8Array>;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

export type LogFields = { readonly [name: string]: unknown };

/** Where diagnostics go. Any of the usual loggers fits. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}
