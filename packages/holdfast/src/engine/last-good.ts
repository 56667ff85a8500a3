import type { JsonObject } from "../core/json.ts";
import type { SessionId, Timestamp } from "../core/ids.ts";

/** What a tool answered when it last worked. */
export type GoodAnswer = {
  readonly output: JsonObject;
  readonly at: Timestamp;
  /** Whose journal it is from: when that is erased, it goes too (J4). */
  readonly sessionId: SessionId;
};

/** The newest are kept: a fallback of days ago is none. */
const MAX_KEPT = 1_000;

/** Last good answers, in the memory of this process alone, by a digest of who asked which tool for what. */
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

  forgetAll(): void {
    this.#answers.clear();
  }

  forget(sessionId: SessionId): void {
    // guard J4: what was erased is not answered with
    for (const [key, answer] of this.#answers) if (answer.sessionId === sessionId) this.#answers.delete(key);
  }
}
