import { lengthOf, type Postings, unitsOf } from "./postings.ts";
import { TopDocs, type ScoredDoc } from "./top-docs.ts";
import { trigramsOf, wordLikeness } from "./word-likeness.ts";

/** Records that are seen by the same, with an index of their own. */
export type IndexPart = {
  readonly part: number;
  /** How many current records there are, and all their lengths together. */
  readonly count: number;
  readonly totalLength: number;
  /** Above every number of a record. */
  readonly nextDoc: number;
};

/** What a search reads. */
export interface TermIndex {
  postings(part: number, term: string): readonly Postings[];
  /** The words that begin with this letter, up to so many. */
  terms(part: number, initial: string, limit: number): readonly string[];
}

/** The usual settings of BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009), for short texts. */
const K1 = 1.2;
const B = 0.4;

/** Where there are many records, a word that a tenth of them have is passed over beside others. */
const MANY = 5_000;
const TOO_COMMON = 0.1;

const LEAST_LIKENESS = 0.5;
const MAX_ALIKE = 4;
const MAX_UNKNOWN = 8;
const MAX_TERMS_READ = 5_000;
/** Shorter words are like too many others. */
const LEAST_CHARS = 4;

export type LexicalQuery = {
  readonly index: TermIndex;
  readonly parts: readonly IndexPart[];
  readonly terms: readonly string[];
  readonly limit: number;
};

type Wanted = { readonly term: string; readonly weight: number };

/** The records with these words, by BM25 over all parts as if they were one. */
export const searchWords = (query: LexicalQuery): readonly ScoredDoc[] =>
  score(
    query,
    query.terms.map((term) => ({ term, weight: 1 })),
  );

/** For words that no record has, those with words that look like them, as far as they do. */
export const searchAlike = (query: LexicalQuery): readonly ScoredDoc[] => {
  const unknown = query.terms.filter((term) => term.length >= LEAST_CHARS && countIn(query, term) === 0);
  const others = unknown.slice(0, MAX_UNKNOWN).flatMap((term) => alike(query, term));
  if (others.length === 0) return [];
  return score(query, [...query.terms.map((term) => ({ term, weight: 1 })), ...others]);
};

const countIn = ({ index, parts }: LexicalQuery, term: string): number =>
  parts.reduce((sum, { part }) => sum + sizeOf(index.postings(part, term)), 0);

const sizeOf = (chunks: readonly Postings[]): number =>
  chunks.reduce((sum, chunk) => sum + chunk.length / 2, 0);

const alike = ({ index, parts }: LexicalQuery, term: string): readonly Wanted[] => {
  const trigrams = trigramsOf(term);
  const initial = String.fromCodePoint(term.codePointAt(0) ?? 0);
  const known = new Set(parts.flatMap(({ part }) => index.terms(part, initial, MAX_TERMS_READ)));
  return [...known]
    .map((other) => ({ term: other, weight: wordLikeness(trigrams, other, LEAST_LIKENESS) }))
    .filter(({ weight }) => weight > 0)
    .toSorted((one, other) => other.weight - one.weight || (one.term < other.term ? -1 : 1))
    .slice(0, MAX_ALIKE);
};

const score = ({ index, parts, limit }: LexicalQuery, wanted: readonly Wanted[]): readonly ScoredDoc[] => {
  const filled = parts.filter(({ count }) => count > 0);
  const count = filled.reduce((sum, part) => sum + part.count, 0);
  const averageLength = filled.reduce((sum, part) => sum + part.totalLength, 0) / Math.max(count, 1);
  const read = wanted.map(({ term, weight }) => {
    const postings = filled.map(({ part }) => index.postings(part, term));
    const having = postings.reduce((sum, chunks) => sum + sizeOf(chunks), 0);
    return { postings, having, weight: weight * Math.log(1 + (count - having + 0.5) / (having + 0.5)) };
  });
  const telling = count > MANY ? read.filter(({ having }) => having <= count * TOO_COMMON) : read;
  const chosen = telling.some(({ having }) => having > 0) ? telling : read;
  const top = new TopDocs(limit);
  filled.forEach((part, at) => {
    const sums = new Float64Array(part.nextDoc);
    for (const { postings, weight } of chosen)
      for (const chunk of postings[at] ?? []) addScores(sums, chunk, { weight, averageLength });
    // Each is offered once: its sum is taken away when it is.
    for (const { postings } of chosen)
      for (const chunk of postings[at] ?? []) offer(top, chunk, { sums, part });
  });
  return top.sorted();
};

const addScores = (
  sums: Float64Array,
  chunk: Postings,
  { weight, averageLength }: { readonly weight: number; readonly averageLength: number },
): void => {
  for (let at = 0; at < chunk.length; at += 2) {
    const doc = chunk[at] ?? 0;
    const packed = chunk[at + 1] ?? 0;
    const times = unitsOf(packed) / 2;
    const norm = K1 * (1 - B + (B * lengthOf(packed)) / averageLength);
    sums[doc] = (sums[doc] ?? 0) + (weight * times * (K1 + 1)) / (times + norm);
  }
};

const offer = (
  top: TopDocs,
  chunk: Postings,
  { sums, part }: { readonly sums: Float64Array; readonly part: IndexPart },
): void => {
  for (let at = 0; at < chunk.length; at += 2) {
    const doc = chunk[at] ?? 0;
    const sum = sums[doc] ?? 0;
    if (sum === 0) continue;
    top.offer({ part: part.part, doc, score: sum });
    sums[doc] = 0;
  }
};
