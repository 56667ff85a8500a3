import type { Clock } from "../ports/clock.ts";

/** The holder's own view of its lease, by the monotonic clock: when in doubt, it has run out. */
export class Lease {
  readonly #clock: Clock;
  readonly #leaseMs: number;
  #validUntilMs = Number.NEGATIVE_INFINITY;
  #epoch: number | null = null;

  constructor(clock: Clock, leaseMs: number) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
  }

  /** The epoch under which we hold the session; null when we do not. */
  get epoch(): number | null {
    return this.#epoch;
  }

  /** `askedAtMs` is when we asked, by the monotonic clock: the store cannot have counted from earlier. */
  held(epoch: number, askedAtMs: number): void {
    this.#epoch = epoch;
    this.#validUntilMs = askedAtMs + this.#leaseMs;
  }

  lost(): void {
    this.#epoch = null;
    // guard J2: a lease that is lost is not valid
    this.#validUntilMs = Number.NEGATIVE_INFINITY;
  }

  /** Whether nobody else can have taken the session by now. */
  isValid(): boolean {
    return this.#clock.monotonicMs() < this.#validUntilMs;
  }
}
