import type { CallId, Position, SessionId, Timestamp } from "../core/ids.ts";

/** Where it stands what a tool answered when it last worked. */
export type GoodAnswer = {
  readonly sessionId: SessionId;
  readonly callId: CallId;
  readonly position: Position;
  readonly at: Timestamp;
  /** The same by the monotonic clock, which nobody sets. */
  readonly since: number;
};

/** The newest are kept: a fallback of days ago is none. */
const MAX_KEPT = 1_000;

/**
 * Where last good answers stand, in the memory of this process alone, by a digest of who asked which tool for what. What
 * they say is in the journals of their sessions, and goes with that (J4).
 */
export class LastGood {
  readonly #answers = new Map<string, GoodAnswer>();

  keep(key: string, answer: GoodAnswer): void {
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    if (this.#answers.size <= MAX_KEPT) return;
    const oldest = this.#answers.keys().next();
    if (!oldest.done) this.#answers.delete(oldest.value);
  }

  find(key: string): GoodAnswer | undefined {
    return this.#answers.get(key);
  }
}
