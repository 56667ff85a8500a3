import type { BudgetShortage } from "../../../core/budget-terms.ts";
import type { ApprovalTerms } from "../../../core/approval.ts";
import type { RequestedCall } from "../../../core/event.ts";
import type { CallId, Position, RunId, Timestamp } from "../../../core/ids.ts";
import type { RunSettings } from "../../../core/run-settings.ts";
import type { Wait } from "../../../core/wait.ts";
import type { EventOf } from "./session-history.ts";
import type { UndoingEntry, WriteEntry } from "./undo-books.ts";

/** What is known of one tool call from the journal alone. */
export type CallEntry = RequestedCall & {
  /** Set when somebody cancelled it alone. */
  stopping: "cancelled" | "given-up" | null;
  status:
    | "asked"
    | "held"
    | "handed-over"
    | "started"
    | "lost"
    | "retrying"
    | "verifying"
    | "asking"
    | "closed";
  attempt: number;
  /** Where it was asked for. */
  readonly askedIn: Position;
  readonly askedAt: Timestamp;
  lost: number;
  /** Not before this may the next thing happen to it. */
  dueAt: Timestamp;
  notAfter: Timestamp;
  /** Until this the holder that lost it may still act. */
  safeAt: Timestamp;
  epoch: number;
  tries: number;
  /** What it waits for, once somebody was asked about it. */
  approval?: {
    readonly ask: number;
    readonly terms: ApprovalTerms;
    readonly askedAt: Timestamp;
    readonly expiresAt: Timestamp | null;
    level: number;
    count: number;
  };
};

/** The next model call, as what came before it demands. */
export type Turn = {
  readonly turn: number;
  readonly attempt: number;
  readonly candidate: number;
  readonly dueAt: Timestamp;
};

/** What is known of the open run from the journal alone. */
export type RunEntry = {
  readonly runId: RunId;
  readonly settings: RunSettings;
  readonly startedAt: Timestamp;
  due: Turn | null;
  asking: EventOf<"model-call.started"> | null;
  /** The summary that is under way. */
  summing: EventOf<"summary-call.started"> | null;
  /** Summaries that were asked for, or given up, since the window was last made shorter. */
  summaries: number;
  isLost: boolean;
  turn: number;
  candidate: number;
  answeredAt: Position | null;
  failing: { readonly code: string; readonly at: Position } | null;
  calls: readonly CallEntry[];
  stopping: "cancelled" | "expired" | null;
  /** Whether what it said is to leave the conversation. */
  rollback: "no" | "owed" | "done";
  suspendedAt: Timestamp | null;
  suspendedMs: number;
  /** What its suspension says that it waits for. */
  waitingFor: readonly Wait[];
  retries: number;
  compactions: number;
  /** Answers that did not have the form that was asked for. */
  misfits: number;
  hasOverflowed: boolean;
  readonly unknown: CallId[];
  /** What it wrote or may have, in the order in which the last attempts began. */
  readonly writes: WriteEntry[];
  /** Set when it has been decided how it ends and what it did is undone first. */
  undoing: UndoingEntry | null;
  /** The budget that somebody is asked to raise. */
  shortage: (BudgetShortage & { readonly until: Timestamp | null }) | null;
  /** Tool calls that it asked for, and how often in a row the last has given the same. */
  asked: number;
  repeats: number;
};
