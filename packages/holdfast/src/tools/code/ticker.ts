import { startDeadline } from "./deadline.ts";

const TICK_MS = 100;

/**
 * The time in which running processes are looked at. What it watches goes on in the machine's time, and not in that of a runtime
 * whose clock may be held still.
 */
export class Ticker {
  readonly #listeners = new Set<() => void>();
  #stop: (() => void) | null = null;

  /** Calls `onTick` ten times a second, until the function that it gives back is called. */
  start(onTick: () => void): () => void {
    this.#listeners.add(onTick);
    if (this.#stop === null) this.#goOn();
    return () => {
      this.#listeners.delete(onTick);
      if (this.#listeners.size > 0) return;
      this.#stop?.();
      this.#stop = null;
    };
  }

  #goOn(): void {
    this.#stop = startDeadline(TICK_MS, () => {
      this.#goOn();
      for (const listener of this.#listeners) listener();
    });
  }
}
