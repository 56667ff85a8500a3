import type { JsonValue } from "../core/json.ts";
import type { ToolOutput } from "../core/message.ts";
import type { ToolContext, ToolIsolation } from "./tool.ts";

/** A call that looks for a place. */
export type SandboxTask = {
  readonly isolation: ToolIsolation;
  /** Name of the tool. */
  readonly tool: string;
  /** Whose turn it takes where many wait. */
  readonly tenant: string | null;
  /** Ends the wait for a place. */
  readonly signal: AbortSignal;
};

/** What a tool gave back, as the model sees it (`Tool.toOutput`), which is made where the tool runs: JSON crosses, nothing else. */
export type SandboxOutput = {
  readonly output: ToolOutput;
  /** True when the result could not be kept exactly as it was. */
  readonly isCoerced: boolean;
};

export type SandboxVerification =
  | ({ readonly status: "done" } & SandboxOutput)
  | { readonly status: "not-done" }
  | { readonly status: "unknown"; readonly evidence: JsonValue };

/**
 * Runs the code of isolated tools where it can be stopped. Contract:
 *
 * I1  `open` answers with a place in which the tool's code is loaded and nothing of the call has begun. Whatever goes
 *     wrong before that rejects with `executed: false`, the end of `signal` among it; nothing is left over then.
 * I2  A call has its place to itself. A place is used again only after a call that ended by itself and was not aborted.
 * I3  When the context's signal is aborted, the tool's own signal is; what has not ended `graceMs` later is stopped for
 *     certain, an endless loop as well.
 * I4  Whatever dies in a place is a failure of its call alone (`TOOL_CRASHED`): out of memory, an unhandled rejection,
 *     an exit; in a process also an abort or a signal.
 * I5  Nothing outlives `close`, and no process outlives this one, however it ends.
 * I6  There are at most so many places. Who waits for one gets it by turns of the tenants (S1).
 * I7  Inside, the context is the one given to `call`, without `deps`: its workspace, secrets, log and progress are asked
 *     for here, so that what is refused or taken out here is so there.
 */
export interface Sandbox {
  /** @throws HoldfastError with `executed: false`; see I1. */
  open(task: SandboxTask): Promise<SandboxPlace>;
  /** Stops everything. Idempotent. */
  close(): Promise<void>;
}

/** Room for one call; one of the three is due, once. */
export interface SandboxPlace {
  /**
   * Runs the tool. The input crosses by structured clone. Rejects with what it threw, as far as that can be told across:
   * its failure, `executed`, `retryAfterMs`.
   */
  execute(input: unknown, context: ToolContext): Promise<SandboxOutput>;
  verify(input: unknown, context: ToolContext): Promise<SandboxVerification>;
  /** Gives it back unused. */
  leave(): void;
}
