import { randomBytes, randomFillSync, randomUUIDv7 } from "node:crypto";
import type { Clock, Timer } from "../ports/clock.ts";

/** The longest delay `setTimeout` keeps; it fires at once for a longer one. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The machine's own clock: the only place that asks it for time, timers and randomness. */
export const createSystemClock = (): Clock => ({
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  startTimer: (delayMs, fire) => startTimer(performance.now() + Math.max(0, delayMs), fire),
  randomBytes: pooledRandomBytes(),
  newId: () => randomUUIDv7(),
});

const POOL_BYTES = 8_192;

/**
 * Random bytes, drawn from the system many at a time: every event wants 32 of them. Each byte is given
 * out once, and wiped from the pool, which outlives whoever got it.
 */
const pooledRandomBytes = (): ((count: number) => Uint8Array) => {
  const pool = new Uint8Array(POOL_BYTES);
  let next = POOL_BYTES;
  return (count) => {
    if (count > POOL_BYTES) return randomBytes(count);
    if (next + count > POOL_BYTES) {
      randomFillSync(pool);
      next = 0;
    }
    const taken = pool.slice(next, next + count);
    pool.fill(0, next, next + count);
    next += count;
    return taken;
  };
};

/**
 * Arms a timer for as long as one can be, again and again until its time has come: Node counts from when
 * its loop last looked at the clock, and may fire early. Timers keep the process alive: one that waits to
 * try again, or to verify, must not end for want of anything else to do.
 */
const startTimer = (dueAt: number, fire: () => void): Timer => {
  let handle: NodeJS.Timeout;
  const arm = (): void => {
    const leftMs = Math.max(0, dueAt - performance.now());
    handle = setTimeout(look, Math.min(leftMs, MAX_DELAY_MS));
  };
  const look = (): void => (performance.now() < dueAt ? arm() : fire());
  arm();
  return { stop: () => clearTimeout(handle) };
};
