import type { Clock, Timer } from "../ports/clock.ts";

/** A clock that stands still until it is told to move, with ids and bytes that follow from a seed. */
export interface ManualClock extends Clock {
  /** Moves time forward, firing due timers in order and letting what they started run. */
  advance(ms: number): Promise<void>;
  /** Lets everything that waits for nothing but promises run. */
  settle(): Promise<void>;
  /** Changes what `now` says without moving `monotonicMs` or firing a timer: the machine's clock jumped. */
  jump(ms: number): void;
  /** Timers that have not fired or been stopped. */
  readonly pendingTimers: number;
}

type ManualClockOptions = {
  /** Milliseconds since the Unix epoch. */
  readonly now?: number;
  readonly seed?: number;
};

type Waiting = { readonly at: number; readonly order: number; readonly fire: () => void };

const START = Date.UTC(2026, 0, 1);

/** Makes a clock for tests: the same seed and the same calls give the same times, ids and bytes. */
export const createManualClock = ({ now = START, seed = 1 }: ManualClockOptions = {}): ManualClock =>
  new SteppedClock(now, seed);

class SteppedClock implements ManualClock {
  #now: number;
  #monotonic = 0;
  #order = 0;
  #ids = 0;
  readonly #random: () => number;
  readonly #waiting = new Set<Waiting>();

  constructor(now: number, seed: number) {
    this.#now = now;
    this.#random = seededBytes(seed);
  }

  get pendingTimers(): number {
    return this.#waiting.size;
  }

  now(): number {
    return this.#now;
  }

  monotonicMs(): number {
    return this.#monotonic;
  }

  startTimer(delayMs: number, fire: () => void): Timer {
    this.#order += 1;
    const waiting = { at: this.#monotonic + Math.max(0, delayMs), order: this.#order, fire };
    this.#waiting.add(waiting);
    return { stop: () => void this.#waiting.delete(waiting) };
  }

  randomBytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, this.#random);
  }

  newId(): string {
    this.#ids += 1;
    return formatUuid7(this.#now, this.#ids, this.randomBytes(8));
  }

  jump(ms: number): void {
    this.#now += ms;
  }

  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await this.settle();
    for (let next = this.#nextUntil(end); next !== undefined; next = this.#nextUntil(end)) {
      this.#waiting.delete(next);
      this.#moveTo(next.at);
      next.fire();
      await this.settle();
    }
    this.#moveTo(end);
    await this.settle();
  }

  async settle(): Promise<void> {
    // A tick that is asked for by a promise comes after every promise that is ready, and what those made ready.
    await Promise.resolve();
    await new Promise<void>((resolve) => process.nextTick(resolve));
  }

  #moveTo(monotonic: number): void {
    if (monotonic <= this.#monotonic) return;
    this.#now += monotonic - this.#monotonic;
    this.#monotonic = monotonic;
  }

  #nextUntil(end: number): Waiting | undefined {
    let first: Waiting | undefined;
    for (const waiting of this.#waiting) {
      if (waiting.at > end) continue;
      const isEarlier =
        first === undefined ||
        waiting.at < first.at ||
        (waiting.at === first.at && waiting.order < first.order);
      if (isEarlier) first = waiting;
    }
    return first;
  }
}

/** Bytes of a mulberry32 generator: small, and the same on every machine. */
const seededBytes = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) & 0xff;
  };
};

/** A UUID of version 7 whose counter keeps ids made in the same millisecond in order. */
const formatUuid7 = (now: number, counter: number, random: Uint8Array): string => {
  const time = Math.floor(now).toString(16).padStart(12, "0");
  const order = (counter & 0xfff).toString(16).padStart(3, "0");
  const rest = Buffer.from(random).toString("hex");
  const variant = ((Number.parseInt(rest.slice(0, 1), 16) & 0x3) | 0x8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${order}-${variant}${rest.slice(1, 4)}-${rest.slice(4, 16)}`;
};
