import type { Sha256, StoredEvent } from "../../core/hash-chain.ts";
import type { CallId, Position, RunId, SessionId, Timestamp } from "../../core/ids.ts";
import type { ToolEffect } from "../../core/run-settings.ts";

/**
 * What the outside world saw of one attempt at a tool call. It is written down by the world itself, not
 * by the process that acted, so a process that dies or lies cannot change it.
 */
export type EffectEntry = {
  /** `entered`: the tool's code ran. `executed`: the world changed. `verified`: somebody asked whether it had. */
  readonly kind: "entered" | "executed" | "verified";
  readonly sessionId: SessionId;
  readonly callId: CallId;
  readonly attempt: number;
  readonly effect: ToolEffect;
  readonly idempotencyKey: string;
  readonly at: Timestamp;
  /** The last durable event of the session at that moment. */
  readonly durable: Position;
};

/** A stretch of time in which a tool was at work; `until` is when it ended, was told to stop, or died. */
export type Activity = {
  readonly sessionId: SessionId;
  readonly callId: CallId;
  readonly attempt: number;
  readonly until: Timestamp | null;
};

/** What callers were told, and may therefore rely on. */
export type Acknowledged =
  /** An input was accepted as this run; `says` is in its content and in no other input's. */
  | {
      readonly kind: "input";
      readonly sessionId: SessionId;
      readonly key: string;
      readonly runId: RunId;
      readonly says: string;
    }
  /** A cancel was stored when this was the last durable event. */
  | {
      readonly kind: "cancel";
      readonly sessionId: SessionId;
      readonly runId: RunId;
      readonly durable: Position;
    };

/** An event as a subscriber saw it, when this was the last durable one. */
export type Sighting = {
  readonly subscriber: string;
  readonly sessionId: SessionId;
  readonly position: Position;
  readonly type: string;
  readonly durable: Position;
};

/** Everything that can be known of what happened without asking the engine. */
export type History = {
  readonly sha256: Sha256;
  readonly journals: ReadonlyMap<SessionId, readonly StoredEvent[]>;
  readonly effects: readonly EffectEntry[];
  readonly acknowledged: readonly Acknowledged[];
  readonly activities?: readonly Activity[];
  readonly sightings?: readonly Sighting[];
  /** What a provider would have refused, by session. */
  readonly refusedPrompts?: readonly { readonly sessionId: SessionId; readonly problem: string }[];
  /** When everything had long been quiet; without it runs may still be under way. */
  readonly quietAt?: Timestamp;
};

/** The rules a history is held against. */
export type Rule =
  | "position-gap"
  | "chain-broken"
  | "epoch-decreased"
  | "time-backwards"
  | "unreadable"
  | "input-missing"
  | "input-twice"
  | "key-with-two-runs"
  | "write-repeated"
  | "not-started"
  | "entered-twice"
  | "executed-after-close"
  | "entered-after-takeover"
  | "verified-early"
  | "entered-late"
  | "key-changed"
  | "closed-twice"
  | "open-at-model-call"
  | "started-after-cancel"
  | "not-aborted"
  | "late-for-unknown-call"
  | "run-started-twice"
  | "run-ended-twice"
  | "run-unsettled"
  | "totals-wrong"
  | "seen-before-durable"
  | "seen-out-of-order"
  | "prompt-invalid"
  | "alarm";

export type Violation = {
  readonly rule: Rule;
  /** The promise that is broken. */
  readonly promise: string;
  readonly sessionId: SessionId;
  readonly position: Position | null;
  readonly what: string;
};
