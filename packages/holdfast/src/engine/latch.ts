/** Lets one loop sleep until somebody has something for it. */
export class Latch {
  #isSet = false;
  #wake: (() => void) | null = null;

  /** Wakes the sleeper, or keeps the next one from falling asleep. */
  set(): void {
    this.#isSet = true;
    this.#wake?.();
    this.#wake = null;
  }

  /** Sleeps until set; at once when it already was. */
  async wait(): Promise<void> {
    if (!this.#isSet) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#isSet = false;
  }
}
