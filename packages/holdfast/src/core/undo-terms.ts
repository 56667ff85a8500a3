import type { FailureCode } from "./failure.ts";
import type { CallId, Position } from "./ids.ts";
import type { RetryPolicy } from "./retry-policy.ts";

/** How a call of a tool that declares an `undo` is undone; journaled with the call, like the rest of its policy. */
export type UndoPolicy = {
  /** Whether undoing may be repeated; a `write` is never repeated blindly (E2). */
  readonly effect: "idempotent" | "write";
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly canVerify: boolean;
};

/** What becomes of what a run did when it fails: it is undone as far as its tools can, or kept. */
export type WhenFailed = "undo" | "keep";

/** A `write` of the open run that was begun: what there is to undo. */
export type WriteCall = {
  readonly callId: CallId;
  readonly tool: string;
  /** Whose tool it is: the session may have been handed over since. */
  readonly agent: string;
  /** Null where the tool declared no undo. */
  readonly undo: UndoPolicy | null;
  /** The answer that asked for it. */
  readonly answerAt: Position;
  /** The decision that edited its input; null where it ran as proposed (E4). */
  readonly inputAt: Position | null;
  /** Its result; null while there is none. */
  readonly resultAt: Position | null;
  readonly status: "open" | "done" | "unknown";
};

/** A call whose effect was taken back. */
export type UndoneCall = { readonly callId: CallId; readonly tool: string };

/**
 * Why the effect of a call still stands, or may: its tool declares no undo (`no-undo`), nobody knows whether the call took
 * place (`outcome-unknown`), undoing it failed (`failed`), or nobody knows whether undoing it did (`undo-unknown`).
 */
export type NotUndoneCall = UndoneCall & {
  readonly reason: "no-undo" | "outcome-unknown" | "failed" | "undo-unknown";
  /** What undoing it failed with. */
  readonly code: FailureCode | null;
};

/** What was undone of a run, and what was not; journaled with its end. */
export type UndoReport = {
  readonly undone: readonly UndoneCall[];
  readonly notUndone: readonly NotUndoneCall[];
};

/** An ended run whose effects are being undone, and how it will end then. */
export type Undoing = UndoReport & {
  /** `RUN_CANCELLED` for one that is rolled back. */
  readonly code: FailureCode;
  readonly causeAt: Position | null;
};

const PREFIX = "undo_";

/** Names the call that undoes another: one for each, so its idempotency key is the same at every attempt. */
export const undoIdOf = (callId: CallId): CallId => `${PREFIX}${callId}`;

/** Whether a call undoes another. */
export const isUndoId = (callId: CallId): boolean => callId.startsWith(PREFIX);

/** The call that this one undoes. */
export const undoneBy = (undoId: CallId): CallId => undoId.slice(PREFIX.length);

/** Calls of each kind that the model is told of by name. */
export const MAX_TOLD = 50;
const CHARS_TOLD = 80;

/** What telling the model of it weighs in the window. */
export const charsOfReport = ({ undone, notUndone }: UndoReport): number =>
  CHARS_TOLD * (1 + Math.min(undone.length, MAX_TOLD) + Math.min(notUndone.length, MAX_TOLD));
