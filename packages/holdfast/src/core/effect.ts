import type { Compaction } from "./window.ts";
import type { EventDraft } from "./event.ts";
import type { CallId, Position, RunId, Timestamp } from "./ids.ts";

/** What the plan asks the engine to do. */
export type Effect =
  /** Record a decision; nothing happens in the world. */
  | { readonly kind: "record"; readonly draft: EventDraft }
  /** Evaluate the agent's definition for this run and record its start. */
  | { readonly kind: "start-run"; readonly runId: RunId; readonly acceptedAt: Position }
  /** Make the window shorter, with a summary of what leaves it. */
  | ({ readonly kind: "compact" } & Compaction)
  | {
      readonly kind: "call-model";
      readonly turn: number;
      readonly attempt: number;
      readonly candidate: number;
    }
  /** Have a model sum up so many of the oldest entries of the window, before the model call that is owed. */
  | {
      readonly kind: "call-summary";
      readonly turn: number;
      readonly attempt: number;
      readonly candidate: number;
      readonly dropped: number;
    }
  | { readonly kind: "call-tool"; readonly callId: CallId; readonly tool: string; readonly attempt: number }
  /** Leave the call to whoever called the agent. */
  | { readonly kind: "hand-over"; readonly callId: CallId; readonly tool: string }
  /** Let another agent go on in place of this one. */
  | { readonly kind: "hand-off"; readonly callId: CallId; readonly tool: string }
  /** The same for want of money, with no call that asks for it. */
  | { readonly kind: "hand-off-run"; readonly agent: string }
  | { readonly kind: "verify-call"; readonly callId: CallId; readonly tool: string; readonly attempt: number }
  /** Nothing is owed before this time. */
  | { readonly kind: "wait-until"; readonly at: Timestamp };
