/**
 * Time, timers, randomness and ids. Nothing else in the package may ask the machine for them: a test
 * that holds the clock holds everything.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump. */
  now(): number;
  /** Milliseconds from an arbitrary start. Never goes back; limits in flight are measured with it. */
  monotonicMs(): number;
  /** Calls `fire` once after `delayMs`, however long that is. Keeps the process alive until then. */
  startTimer(delayMs: number, fire: () => void): Timer;
  /** `count` bytes that nobody can guess. */
  randomBytes(count: number): Uint8Array;
  /** A new id that sorts by time of making (UUID version 7, RFC 9562). */
  newId(): string;
}

export interface Timer {
  /** Stops the timer; does nothing when it has fired. */
  stop(): void;
}
