import { randomBytes, randomUUIDv7 } from "node:crypto";
import type { Clock, Timer } from "../ports/clock.ts";

/** The longest delay `setTimeout` keeps; it fires at once for a longer one. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The machine's own clock: the only place that asks it for time, timers and randomness. */
export const createSystemClock = (): Clock => ({
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  startTimer: (delayMs, fire) => startTimer(performance.now() + Math.max(0, delayMs), fire),
  randomBytes: (count) => randomBytes(count),
  newId: () => randomUUIDv7(),
});

/**
 * Arms a timer for as long as one can be, again and again until its time has come. Timers keep the process
 * alive: one that waits to try again, or to verify, must not end for want of anything else to do.
 */
const startTimer = (dueAt: number, fire: () => void): Timer => {
  let handle: NodeJS.Timeout;
  const arm = (): void => {
    const leftMs = dueAt - performance.now();
    const next = leftMs > MAX_DELAY_MS ? arm : fire;
    handle = setTimeout(next, Math.min(Math.max(0, leftMs), MAX_DELAY_MS));
  };
  arm();
  return { stop: () => clearTimeout(handle) };
};
