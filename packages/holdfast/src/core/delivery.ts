import type { EventHeader, HeaderOf } from "./event.ts";
import type { Failure } from "./failure.ts";
import type { CallId, Position, RunId, SessionId, Timestamp } from "./ids.ts";
import { openCallOf, type OpenCall, type SessionState } from "./session-state.ts";
import type { NotUndoneCall, UndoneCall } from "./undo-terms.ts";
import { needsSomebody, type Wait } from "./wait.ts";

/** Version of a delivery as it is stored; one of another version is left to those who know it (S6). */
export const DELIVERY_VERSION = 1;

/** Events of runs that somebody can be told of. */
export type RunDeliveredType =
  | "run.failed"
  | "run.suspended"
  | "run.completed"
  | "run.cancelled"
  /** A `write` whose attempts are spent. */
  | "tool-call.failed";

/** What a process finds out about a tool or a model, in whatever session. */
export type CircuitDeliveredType = "circuit.opened" | "circuit.closed";

/** What somebody can be told of. */
export type DeliveredType = RunDeliveredType | CircuitDeliveredType;

type Stored<Fields> = {
  readonly v: typeof DELIVERY_VERSION;
  readonly recipient: string;
  /** Sent here because another recipient did not take it, or nobody answered in time. */
  readonly isEscalation: boolean;
  /** Attempts begun. */
  readonly attempts: number;
  readonly failure: Failure | null;
} & Readonly<Fields>;

/** A delivery of a run as it is stored: where its event stands, and how it went so far. No content, so none to erase. */
export type StoredRunDelivery = Stored<{
  type: RunDeliveredType;
  agent: string;
  sessionId: SessionId;
  runId: RunId;
  position: Position;
  /** Only while the suspension it tells of is not answered. */
  ifUnanswered: boolean;
  /** Of a call: its tool. */
  tool: string | null;
}>;

/** A delivery that is of no run, as it is stored: whole, for no journal has it. */
export type StoredCircuitDelivery = Stored<{
  type: CircuitDeliveredType;
  at: Timestamp;
  circuit: CircuitReport;
  /** Of the circuit in the store before this; goes up with whatever becomes of it. */
  revision: number;
}>;

export type StoredDelivery = StoredRunDelivery | StoredCircuitDelivery;

/** What became of a circuit. */
export type CircuitReport = {
  /** As `runtime.circuits()` has it. */
  readonly name: string;
  /** Of the last failure; null once it is closed. */
  readonly code: string | null;
  /** Nothing calls it before, in milliseconds since the Unix epoch; null once it is closed. */
  readonly until: Timestamp | null;
};

/** What a recipient is told of a run: the event as data, read from the journal when it is sent. */
export type RunDelivery = {
  /** The same for every attempt: to be taken once. */
  readonly id: string;
  readonly type: RunDeliveredType;
  /** When it happened, in milliseconds since the Unix epoch. */
  readonly at: Timestamp;
  readonly sessionId: SessionId;
  readonly runId: RunId;
  readonly agent: string;
  readonly tenant: string | null;
  /** Of the event in the session's journal. */
  readonly position: Position;
  readonly isEscalation: boolean;
  /** Of a failed run, or of a call that failed. */
  readonly failure: Failure | null;
  /** Of a suspended run. */
  readonly waitingFor: readonly Wait[];
  /** Of a cancelled run: calls that may or may not have taken effect. */
  readonly unknownCalls: readonly CallId[];
  /** Of a failed or cancelled run: calls whose effect was taken back (E10). */
  readonly undone: readonly UndoneCall[];
  /** Of a failed or cancelled run that was to be undone: calls whose effect still stands, or may, and why. */
  readonly notUndone: readonly NotUndoneCall[];
  /** Of a call that failed. */
  readonly call: { readonly callId: CallId; readonly tool: string; readonly attempts: number } | null;
};

/** What a recipient is told of a circuit, which is of no run and of no agent. */
export type CircuitDelivery = {
  /** The same for every attempt: to be taken once. */
  readonly id: string;
  readonly type: CircuitDeliveredType;
  /** When it happened, in milliseconds since the Unix epoch. */
  readonly at: Timestamp;
  readonly isEscalation: boolean;
  readonly circuit: CircuitReport;
};

/** What a recipient is told. */
export type Delivery = RunDelivery | CircuitDelivery;

/**
 * What somebody is told of an event in a session that was in this state before; null for nothing: a suspension that time
 * alone ends concerns nobody, nor does a call that the model can make again.
 */
export const deliveredType = (
  header: EventHeader,
  { run }: Pick<SessionState, "run">,
): RunDeliveredType | null => {
  switch (header.type) {
    case "tool-call.failed":
      return isSpent(header, openCallOf(run, header.callId))
        ? /* guard O3: retries that are spent on a write are told */ header.type
        : null;
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

/** Whether the last of several attempts at a `write` has failed, by its own doing. */
const isSpent = ({ attempt, next }: HeaderOf<"tool-call.failed">, call: OpenCall | undefined): boolean => {
  if (call?.status.kind !== "started" || call.stopping !== null || next.kind === "retry") return false;
  const { effect, retry } = call.policy;
  return effect === "write" && retry.maxAttempts > 1 && attempt - call.lost >= retry.maxAttempts;
};
