import type { FailureCode } from "../core/failure.ts";
import type { Clock, Timer } from "../ports/clock.ts";

/** Why something in flight was stopped. */
export type StopReason = { readonly code: FailureCode; readonly message: string };

export const isStopReason = (value: object): value is StopReason => "code" in value && "message" in value;

/** One limit of a wait. */
export type Limit = {
  /** The limit is no more. */
  lift(): void;
};

type Watched = {
  /** By the monotonic clock; asked again whenever it seems to have come. */
  readonly dueAt: () => number;
  readonly reason: StopReason;
};

/**
 * One abort signal with its reasons: the limits of a wait (E6) and cancelling (E5). The first reason
 * wins, and nobody waits for work that does not listen to its signal. All limits share one timer.
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  readonly #limits = new Set<Watched>();
  readonly #listeners = new Set<(reason: StopReason) => void>();
  #reason: StopReason | null = null;
  #timer: Timer | null = null;
  #wakesAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get reason(): StopReason | null {
    return this.#reason;
  }

  /** What the work brings, or the reason why this was stopped before that. */
  first<Value>(work: Promise<Value>): Promise<Value | StopReason> {
    if (this.#reason !== null) {
      // Nobody is left to hear how it ends.
      work.catch(() => undefined);
      return Promise.resolve(this.#reason);
    }
    return new Promise((resolve, reject) => {
      const forget = this.onStop(resolve);
      work.then(
        (value) => {
          forget();
          resolve(value);
        },
        (thrown: unknown) => {
          forget();
          reject(thrown);
        },
      );
    });
  }

  /** Calls back when it is stopped. Answers how to take that back. */
  onStop(listener: (reason: StopReason) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  stop(reason: StopReason): void {
    // guard E6: the first reason counts
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.clear();
    this.#controller.abort(new DOMException(reason.message, "AbortError"));
    for (const listener of this.#listeners) listener(reason);
  }

  /** Stops after `delayMs`, unless lifted or cleared before. */
  after(delayMs: number, reason: StopReason): Limit {
    const dueAt = this.#clock.monotonicMs() + delayMs;
    return this.#watch({ dueAt: () => dueAt, reason });
  }

  /** Stops once `limitMs` have gone by since the last sign of life. */
  whenQuiet(limitMs: number, lastAt: () => number, reason: StopReason): Limit {
    return this.#watch({ dueAt: () => lastAt() + limitMs, reason });
  }

  /** Stops all clocks; the work has come back. */
  clear(): void {
    this.#limits.clear();
    this.#rest();
  }

  #watch(limit: Watched): Limit {
    if (this.#reason !== null) return { lift: () => undefined };
    this.#limits.add(limit);
    this.#wakeBy(limit.dueAt());
    return { lift: () => void this.#limits.delete(limit) };
  }

  #rest(): void {
    this.#timer?.stop();
    this.#timer = null;
    this.#wakesAt = Number.POSITIVE_INFINITY;
  }

  /** A limit that was lifted or has moved on wakes for nothing, once. */
  #wakeBy(dueAt: number): void {
    if (dueAt >= this.#wakesAt) return;
    this.#rest();
    this.#wakesAt = dueAt;
    const delayMs = Math.max(0, dueAt - this.#clock.monotonicMs());
    this.#timer = this.#clock.startTimer(delayMs, () => this.#look());
  }

  #look(): void {
    this.#rest();
    const now = this.#clock.monotonicMs();
    // Where the event loop was held up and several are due, the one that came first is named.
    let next = { at: Number.POSITIVE_INFINITY, reason: null as StopReason | null };
    for (const { dueAt, reason } of this.#limits) {
      const at = dueAt();
      if (at < next.at) next = { at, reason };
    }
    if (next.reason === null) return;
    if (next.at <= now) this.stop(next.reason);
    else this.#wakeBy(next.at);
  }
}
