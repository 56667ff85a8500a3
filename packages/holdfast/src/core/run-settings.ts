import type { RunBudget } from "./budget-terms.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import type { UndoPolicy, WhenFailed } from "./undo-terms.ts";

/**
 * What calling the tool does to the world (E2).
 * `read` changes nothing; `idempotent` changes the same thing the same way when repeated with the
 * same idempotency key; `write` must never be repeated blindly.
 */
export type ToolEffect = "read" | "idempotent" | "write";

/** The part of a tool's definition that `plan` needs, journaled with each call. */
export type ToolPolicy = {
  readonly effect: ToolEffect;
  /** Longest time for one attempt; for a tool the caller runs, until its result is there, 0 for no limit. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  /** Whether the tool can tell if an attempt of unknown outcome took place. */
  readonly canVerify: boolean;
  /** Who runs it: this runtime, whoever called the agent (return of control), or the agent of that name: as its child, or in its place. */
  readonly by: "runtime" | "caller" | `agent:${string}` | `handoff:${string}`;
  /** How a call is undone when its run fails; null where it cannot be (E10). */
  readonly undo: UndoPolicy | null;
};

/** One model a run may use, in order of preference. */
export type ModelCandidate = {
  readonly provider: string;
  readonly modelId: string;
};

/** The model that sums up what leaves the window, and its limits. */
export type SummarySettings = ModelCandidate & {
  /** The most it is asked to write. */
  readonly maxOutputTokens: number;
  readonly timeoutMs: number;
  /** What it is given of the conversation is cut to this. */
  readonly maxPromptChars: number;
};

/** Everything `plan` needs to know about the agent, journaled when a run starts. */
export type RunSettings = {
  readonly maxTurns: number;
  readonly maxDurationMs: number;
  readonly maxParallelCalls: number;
  /** How often an answer that does not fit the `output` schema is sent back. */
  readonly maxOutputRepairs: number;
  /** The window is cut to whole turns within this many characters. */
  readonly maxWindowChars: number;
  /** Tokens of one prompt, as far as the provider's counts tell; null for no limit. */
  readonly maxPromptTokens: number | null;
  readonly modelTimeoutMs: number;
  readonly modelRetry: RetryPolicy;
  readonly candidates: readonly ModelCandidate[];
  /** Tool calls of one run in all; null for no limit. */
  readonly maxToolCalls: number | null;
  /** How often the same call may give the same result in a row; null for no limit. */
  readonly maxRepeats: number | null;
  /** What model calls are held against; null where no budget applies (E8). */
  readonly budget: RunBudget | null;
  /** What becomes of what a run did when it fails (E10). */
  readonly whenFailed: WhenFailed;
  /** Null where summaries are made of the conversation's own words (E6). */
  readonly summary: SummarySettings | null;
};
