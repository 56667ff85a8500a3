import type { MemoryFilter, MemoryHit, MemoryRecord, MemorySearch } from "../ports/memory-store.ts";
import { type IndexPart, searchAlike, searchWords, type TermIndex } from "./lexical-search.ts";
import { type Candidate, type MemoryRanking, rankHits } from "./rank-hits.ts";
import { saysTheSame } from "./memory-slot.ts";
import { tokenise } from "./tokenise.ts";
import type { ScoredDoc } from "./top-docs.ts";

const MAX_TERMS = 64;
/** How many each side offers, and of how many where a filter will take some away. */
const POOL = 400;
const FILTERED_POOL = 4_000;

export type SearchSources = {
  readonly index: TermIndex;
  /** Those that the viewer sees, in the namespaces asked for. */
  readonly parts: readonly IndexPart[];
  readonly load: (doc: ScoredDoc) => MemoryRecord | undefined;
  /** The nearest by the vector side, where there is one. */
  readonly near: (limit: number) => readonly ScoredDoc[];
  readonly ranking: MemoryRanking;
  readonly stem: boolean;
};

/** Finds, filters, fuses and cuts: all of a search but where the records are kept (K9). */
export const searchMemory = (
  query: MemorySearch & { readonly limit: number },
  { index, parts, load, near, ranking, stem }: SearchSources,
): readonly MemoryHit[] => {
  const terms = [...new Set(tokenise(query.text, { stem }))].slice(0, MAX_TERMS);
  const limit = hasFilter(query) ? FILTERED_POOL : POOL;
  const lexical = { index, parts, terms, limit };
  const found = new Map<string, Candidate>();
  const enter = (rankName: "lexicalRank" | "alikeRank" | "vectorRank", docs: readonly ScoredDoc[]): void => {
    let rank = 0;
    for (const doc of docs) {
      const record = load(doc);
      if (record === undefined || !isWanted(record, query)) continue;
      rank += 1;
      const known = found.get(record.id) ?? { record, lexicalRank: null, alikeRank: null, vectorRank: null };
      found.set(record.id, { ...known, [rankName]: rank });
      if (rank >= Math.max(50, query.limit * 4)) return;
    }
  };
  enter("lexicalRank", searchWords(lexical));
  if (ranking.alike > 0) enter("alikeRank", searchAlike(lexical));
  if (ranking.vector > 0) enter("vectorRank", near(limit));
  return rankHits([...found.values()], query, ranking);
};

const hasFilter = ({ kinds, subject, since, before }: MemoryFilter): boolean =>
  kinds !== undefined || subject !== undefined || since !== undefined || before !== undefined;

const isWanted = (record: MemoryRecord, query: MemorySearch): boolean =>
  isCurrentAt(record, query.now) && fits(record, query);

const isCurrentAt = (record: MemoryRecord, now: number): boolean =>
  record.supersededBy === null &&
  (record.expiresAt === null || record.expiresAt > now) &&
  (record.validFrom === null || record.validFrom <= now) &&
  (record.validTo === null || record.validTo > now);

/** Whether a record is one of those asked for. */
export const fits = (
  record: MemoryRecord,
  { kinds, namespaces, subject, since, before }: MemoryFilter,
): boolean =>
  (kinds === undefined || kinds.includes(record.kind)) &&
  (namespaces === undefined || namespaces.includes(record.scope.namespace)) &&
  (subject === undefined || (record.subject !== null && saysTheSame(record.subject, subject))) &&
  (since === undefined || record.seenAt >= since) &&
  (before === undefined || record.seenAt < before);
