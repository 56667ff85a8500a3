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
  #at: Timestamp | null = null;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Milliseconds since the Unix epoch; null for never. */
  setBy(at: Timestamp | null): void {
    if (at === null || (this.#at !== null && this.#at <= at)) return;
    this.stop();
    this.#at = at;
    this.#timer = this.#clock.startTimer(Math.max(0, at - this.#clock.now()), () => {
      this.#at = null;
      this.#timer = null;
      this.#ring();
    });
  }

  stop(): void {
    this.#timer?.stop();
    this.#timer = null;
    this.#at = null;
  }
}
