import { isEffectStart, type EventDraft, type JournalEvent } from "../core/event.ts";
import type { Sha256, StoredEvent } from "../core/hash-chain.ts";
import type { SignalId, Timestamp } from "../core/ids.ts";
import { sealEvent } from "../core/journal-codec.ts";
import { reduce } from "../core/reduce.ts";
import type { AccountLimit } from "../core/accounts.ts";
import type { CallOwed } from "../core/plan-budget.ts";
import type { Reservation } from "../ports/journal-store.ts";
import type { SessionState } from "../core/session-state.ts";
import type { Clock } from "../ports/clock.ts";
import type { Blob } from "../ports/journal-store.ts";

/** The committed end of a journal, with its fold. */
export type Base = {
  readonly state: SessionState;
  readonly hash: Uint8Array;
};

export type BatchSeal = { readonly sha256: Sha256; readonly clock: Clock; readonly epoch: number };

/** Events that will be committed together: sealed and folded as they are added, kept only if the commit holds. */
export class Batch {
  readonly base: Base;
  readonly events: JournalEvent[] = [];
  readonly stored: StoredEvent[] = [];
  readonly consume: SignalId[] = [];
  /** The model call in it that takes from accounts, and what it takes. */
  reserved: {
    readonly call: CallOwed;
    readonly isSummary: boolean;
    readonly limits: readonly AccountLimit[];
  } | null = null;
  readonly reserve: Reservation[] = [];
  /** Bytes that events refer to, where no outcome brought them. */
  readonly blobs: Blob[] = [];
  /** Whether a cancel or an erasure that came meanwhile has to be looked at first (C9). */
  isFenced = false;
  state: SessionState;
  hash: Uint8Array;
  readonly #seal: BatchSeal;
  #latest: Timestamp;

  constructor(base: Base, seal: BatchSeal) {
    this.base = base;
    this.state = base.state;
    this.hash = base.hash;
    this.#seal = seal;
    this.#latest = base.state.at;
  }

  /** Time for what is decided and written here: it does not go back, whatever the clock does meanwhile. */
  now(): Timestamp {
    this.#latest = Math.max(
      /* guard J3: no time is before the last event */ this.#latest,
      this.#seal.clock.now(),
    );
    return this.#latest;
  }

  /** Adds an event; throws when it does not belong here, so that no illegal event is ever committed (J3). */
  add(draft: EventDraft): JournalEvent {
    const end = { position: this.state.position, hash: this.hash, at: this.state.at };
    const { event, stored } = sealEvent(end, draft, {
      sha256: this.#seal.sha256,
      epoch: this.#seal.epoch,
      now: this.now(),
      salt: () => this.#seal.clock.randomBytes(32),
    });
    this.state = reduce(this.state, event);
    this.hash = stored.hash;
    this.events.push(event);
    this.stored.push(stored);
    // guard E5: starts are noticed
    if (isEffectStart(draft.header.type)) this.isFenced = true;
    // guard J4: what is said again may have been erased since it was read
    if (event.payload !== null) this.isFenced = true;
    return event;
  }

  get isEmpty(): boolean {
    return this.events.length === 0 && this.consume.length === 0;
  }
}
