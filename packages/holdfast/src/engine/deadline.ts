import type { FailureCode } from "../core/failure.ts";
import type { Clock, Timer } from "../ports/clock.ts";

/** Why something in flight was stopped. */
export type StopReason = { readonly code: FailureCode; readonly message: string };

/**
 * One abort signal with its reasons: the limits of a wait (E6) and cancelling (E5). The first reason
 * wins; `stopped` settles with it, so that nobody waits for work that does not listen to its signal.
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  readonly #timers = new Set<Timer>();
  readonly stopped: Promise<StopReason>;
  #settle: (reason: StopReason) => void = () => undefined;
  #reason: StopReason | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.stopped = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get reason(): StopReason | null {
    return this.#reason;
  }

  stop(reason: StopReason): void {
    // guard E6: the first reason counts
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.clear();
    this.#controller.abort(new DOMException(reason.message, "AbortError"));
    this.#settle(reason);
  }

  /** Stops after `delayMs`, unless cleared before. */
  after(delayMs: number, reason: StopReason): Timer {
    const timer = this.#clock.startTimer(delayMs, () => {
      this.#timers.delete(timer);
      this.stop(reason);
    });
    this.#timers.add(timer);
    return timer;
  }

  /** Stops once `elapsed` says that `limitMs` have gone by since the last sign of life. */
  whenQuiet(limitMs: number, elapsed: () => number, reason: StopReason): void {
    const left = limitMs - elapsed();
    if (left <= 0) {
      this.stop(reason);
      return;
    }
    const timer = this.#clock.startTimer(left, () => {
      this.#timers.delete(timer);
      if (this.#reason === null) this.whenQuiet(limitMs, elapsed, reason);
    });
    this.#timers.add(timer);
  }

  /** Stops all clocks; the work has come back. */
  clear(): void {
    for (const timer of this.#timers) timer.stop();
    this.#timers.clear();
  }
}
