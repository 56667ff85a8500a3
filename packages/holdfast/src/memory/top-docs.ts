export type ScoredDoc = { readonly part: number; readonly doc: number; readonly score: number };

/** Keeps the best of many. Of two that are as good the later one comes first, so that the order is always the same. */
export class TopDocs {
  readonly #limit: number;
  readonly #best: ScoredDoc[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  offer(doc: ScoredDoc): void {
    const best = this.#best;
    const last = best.at(-1);
    if (best.length >= this.#limit && last !== undefined && !isBefore(doc, last)) return;
    let low = 0;
    let high = best.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = best[middle];
      if (other !== undefined && isBefore(other, doc)) low = middle + 1;
      else high = middle;
    }
    best.splice(low, 0, doc);
    if (best.length > this.#limit) best.pop();
  }

  sorted(): readonly ScoredDoc[] {
    return this.#best;
  }
}

const isBefore = (one: ScoredDoc, other: ScoredDoc): boolean => {
  if (one.score !== other.score) return one.score > other.score;
  return one.part === other.part ? one.doc > other.doc : one.part > other.part;
};
