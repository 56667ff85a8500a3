import type { EventHeader } from "./event.ts";
import type { Failure } from "./failure.ts";
import type { CallId, Position, RunId, SessionId, Timestamp } from "./ids.ts";
import type { NotUndoneCall, UndoneCall } from "./undo-terms.ts";
import { needsSomebody, type Wait } from "./wait.ts";

/** Version of a delivery as it is stored; one of another version is left to those who know it (S6). */
export const DELIVERY_VERSION = 1;

/** Events that somebody can be told of. */
export type DeliveredType = "run.failed" | "run.suspended" | "run.completed" | "run.cancelled";

/** A delivery as it is stored: where its event stands, and how it went so far. No content, so none to erase. */
export type StoredDelivery = {
  readonly v: typeof DELIVERY_VERSION;
  readonly recipient: string;
  readonly agent: string;
  readonly sessionId: SessionId;
  readonly runId: RunId;
  readonly type: DeliveredType;
  readonly position: Position;
  /** Only while the suspension it tells of is not answered. */
  readonly ifUnanswered: boolean;
  /** Sent here because another recipient did not take it, or nobody answered in time. */
  readonly isEscalation: boolean;
  /** Attempts begun. */
  readonly attempts: number;
  readonly failure: Failure | null;
};

/** What a recipient is told: the event as data, read from the journal when it is sent. */
export type Delivery = {
  /** The same for every attempt: to be taken once. */
  readonly id: string;
  readonly type: DeliveredType;
  /** When it happened, in milliseconds since the Unix epoch. */
  readonly at: Timestamp;
  readonly sessionId: SessionId;
  readonly runId: RunId;
  readonly agent: string;
  readonly tenant: string | null;
  /** Of the event in the session's journal. */
  readonly position: Position;
  readonly isEscalation: boolean;
  /** Of a failed run. */
  readonly failure: Failure | null;
  /** Of a suspended run. */
  readonly waitingFor: readonly Wait[];
  /** Of a cancelled run: calls that may or may not have taken effect. */
  readonly unknownCalls: readonly CallId[];
  /** Of a failed or cancelled run: calls whose effect was taken back (E10). */
  readonly undone: readonly UndoneCall[];
  /** Of a failed or cancelled run that was to be undone: calls whose effect still stands, or may, and why. */
  readonly notUndone: readonly NotUndoneCall[];
};

/** What somebody is told of an event, or null: a suspension that time alone ends concerns nobody. */
export const deliveredType = (header: EventHeader): DeliveredType | null => {
  switch (header.type) {
    case "run.suspended":
      return header.waitingFor.some(needsSomebody)
        ? /* guard O3: a suspension that somebody has to end is told */ header.type
        : null;
    case "run.failed":
    case "run.completed":
    case "run.cancelled":
      return header.type;
    default:
      return null;
  }
};
