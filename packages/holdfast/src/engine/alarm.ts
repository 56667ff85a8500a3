import type { Timestamp } from "../core/ids.ts";
import type { Clock, Timer } from "../ports/clock.ts";

/**
 * Rings by a time, or earlier: whoever is woken looks what is due, and sets it again. A time that comes
 * after the one it is set for is not worth a new timer: most waits are over long before either.
 */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #timer: Timer | null = null;
  /** By the monotonic clock: the other one may have been wrong when it was set. */
  #ringsAtMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Milliseconds since the Unix epoch; null for never. */
  setBy(at: Timestamp | null): void {
    if (at === null) return;
    const delayMs = Math.max(0, at - this.#clock.now());
    const ringsAtMs = this.#clock.monotonicMs() + delayMs;
    if (this.#ringsAtMs <= ringsAtMs) return;
    this.stop();
    this.#ringsAtMs = ringsAtMs;
    this.#timer = this.#clock.startTimer(delayMs, () => {
      this.stop();
      this.#ring();
    });
  }

  stop(): void {
    this.#timer?.stop();
    this.#timer = null;
    this.#ringsAtMs = Number.POSITIVE_INFINITY;
  }
}
