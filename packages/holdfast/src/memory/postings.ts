import type { IndexedTerms } from "./index-terms.ts";

/** Two numbers a record: which, and how often a word is in it (12 bits) among how many (20 bits). */
export type Postings = Uint32Array;

const LENGTH_BITS = 20;
const MAX_LENGTH = (1 << LENGTH_BITS) - 1;

export const posting = (doc: number, units: number, { length }: Pick<IndexedTerms, "length">): Postings =>
  Uint32Array.of(doc, ((units << LENGTH_BITS) | Math.min(length, MAX_LENGTH)) >>> 0);

export const unitsOf = (packed: number): number => packed >>> LENGTH_BITS;
export const lengthOf = (packed: number): number => packed & MAX_LENGTH;
