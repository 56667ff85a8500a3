import { indexTerms } from "../index-terms.ts";
import { type Postings, posting } from "../postings.ts";
import type { IndexPart } from "../lexical-search.ts";
import type { MemoryRecord } from "../../ports/memory-store.ts";

/** The current records of one owner and namespace, and the words they are found by. */
export class TermPart {
  readonly part: number;
  readonly records = new Map<number, MemoryRecord>();
  readonly #terms = new Map<string, Map<number, Postings>>();
  readonly #docs = new Map<string, number>();
  readonly #stem: boolean;
  #nextDoc = 0;
  #totalLength = 0;

  constructor(part: number, stem: boolean) {
    this.part = part;
    this.#stem = stem;
  }

  get size(): IndexPart {
    return {
      part: this.part,
      count: this.records.size,
      totalLength: this.#totalLength,
      nextDoc: this.#nextDoc,
    };
  }

  add(record: MemoryRecord): void {
    const doc = this.#nextDoc;
    this.#nextDoc += 1;
    this.records.set(doc, record);
    this.#docs.set(record.id, doc);
    const terms = indexTerms(record, { stem: this.#stem });
    this.#totalLength += terms.length;
    for (const [term, units] of terms.units) {
      const postings = this.#terms.get(term) ?? new Map<number, Postings>();
      this.#terms.set(term, postings.set(doc, posting(doc, units, terms)));
    }
  }

  remove(record: MemoryRecord): void {
    const doc = this.#docs.get(record.id);
    if (doc === undefined) return;
    this.#docs.delete(record.id);
    this.records.delete(doc);
    const terms = indexTerms(record, { stem: this.#stem });
    this.#totalLength -= terms.length;
    for (const term of terms.units.keys()) {
      const postings = this.#terms.get(term);
      postings?.delete(doc);
      if (postings?.size === 0) this.#terms.delete(term);
    }
  }

  postings(term: string): readonly Postings[] {
    return [...(this.#terms.get(term)?.values() ?? [])];
  }

  terms(initial: string, limit: number): readonly string[] {
    return [...this.#terms.keys()].filter((term) => term.startsWith(initial)).slice(0, limit);
  }
}
