/** Lets one piece of work through at a time, in the order in which they came. */
export class Turnstile {
  #last: Promise<void> = Promise.resolve();

  async pass(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work);
    // A failure is its own piece's affair; the next one still gets its turn.
    this.#last = turn.catch(() => undefined);
    await turn;
  }
}
