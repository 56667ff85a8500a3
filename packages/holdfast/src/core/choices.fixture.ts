/**
 * Chance for tests: every choice is read from a tape of numbers, again from the start when it ends.
 * fast-check makes the tape, so that a failure shrinks to a short one; a tape of one number is a world
 * that always does the same.
 */
export class Choices {
  readonly #tape: readonly number[];
  #next = 0;

  constructor(tape: readonly number[]) {
    this.#tape = tape.length === 0 ? [0] : tape;
  }

  /** A whole number from 0 up to, not including, `count`. */
  below(count: number): number {
    const index = this.#next % this.#tape.length;
    // Each round of the tape reads it a little differently, so that short tapes do not lock step.
    const round = Math.floor(this.#next / this.#tape.length);
    this.#next += 1;
    return ((this.#tape[index] ?? 0) + round * 7) % count;
  }

  /** True once in `count` choices. */
  oneIn(count: number): boolean {
    return this.below(count) === count - 1;
  }

  of<Item>(first: Item, ...rest: readonly Item[]): Item {
    const index = this.below(rest.length + 1);
    return index === 0 ? first : (rest[index - 1] ?? first);
  }
}
