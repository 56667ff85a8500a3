import type { FailureCode } from "../core/failure.ts";
import type { Clock, Timer } from "../ports/clock.ts";

/** Why something in flight was stopped. */
export type StopReason = { readonly code: FailureCode; readonly message: string };

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
 * wins; `stopped` settles with it, so that nobody waits for work that does not listen to its signal.
 * All limits share one timer, and the signal is made when somebody asks for it: most work is done long
 * before either is needed.
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #limits = new Set<Watched>();
  readonly stopped: Promise<StopReason>;
  #settle: (reason: StopReason) => void = () => undefined;
  #reason: StopReason | null = null;
  #controller: AbortController | null = null;
  #timer: Timer | null = null;
  #wakesAt = Number.POSITIVE_INFINITY;
  readonly #listeners = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.stopped = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#reason !== null) abort(this.#controller, this.#reason);
    }
    return this.#controller.signal;
  }

  get reason(): StopReason | null {
    return this.#reason;
  }

  /** Calls back when it is stopped. Answers how to take that back. */
  onStop(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  stop(reason: StopReason): void {
    // guard E6: the first reason counts
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.clear();
    if (this.#controller !== null) abort(this.#controller, reason);
    for (const listener of this.#listeners) listener();
    this.#settle(reason);
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
    let next = Number.POSITIVE_INFINITY;
    for (const { dueAt, reason } of this.#limits) {
      const at = dueAt();
      if (at <= now) {
        this.stop(reason);
        return;
      }
      next = Math.min(next, at);
    }
    if (next < Number.POSITIVE_INFINITY) this.#wakeBy(next);
  }
}

const abort = (controller: AbortController, { message }: StopReason): void =>
  controller.abort(new DOMException(message, "AbortError"));
