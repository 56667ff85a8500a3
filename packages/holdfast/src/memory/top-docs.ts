export type ScoredDoc = { readonly part: number; readonly doc: number; readonly score: number };

/** Keeps the best of many. Of two that are as good the later one comes first, so that the order is always the same. */
export class TopDocs {
  readonly #limit: number;
  #best: ScoredDoc[] = [];
  /** The last that may stay, where there are as many as may. */
  #last: ScoredDoc | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  offer(doc: ScoredDoc): void {
    if (this.#last !== undefined && order(doc, this.#last) > 0) return;
    this.#best.push(doc);
    // As many again are gathered before they are sorted, so that each costs the same however many are kept.
    if (this.#best.length >= 2 * this.#limit) this.#sort();
  }

  sorted(): readonly ScoredDoc[] {
    this.#sort();
    return this.#best;
  }

  #sort(): void {
    this.#best = this.#best.toSorted(order).slice(0, this.#limit);
    this.#last = this.#best[this.#limit - 1];
  }
}

const order = (one: ScoredDoc, other: ScoredDoc): number =>
  other.score - one.score || other.part - one.part || other.doc - one.doc;
