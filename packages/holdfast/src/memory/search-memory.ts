import type {
  MemoryFilter,
  MemoryHit,
  MemoryListQuery,
  MemoryRecord,
  MemorySearch,
} from "../ports/memory-store.ts";
import { type IndexPart, searchAlike, searchWords, type TermIndex } from "./lexical-search.ts";
import { type Candidate, type MemoryRanking, rankHits, tokensOf } from "./rank-hits.ts";
import { saysTheSame } from "./memory-slot.ts";
import { tokenise } from "./tokenise.ts";
import type { ScoredDoc } from "./top-docs.ts";

const MAX_TERMS = 64;
/** How many each side offers, and of how many where a filter will take some away. */
const POOL = 400;
const FILTERED_POOL = 4_000;
/** Where too few of those offered are wanted, as where many have expired, so many times more are offered, and at last so many. */
const POOL_GROWTH = 16;
const LARGEST_POOL = 100_000;

export type SearchSources = {
  readonly index: TermIndex;
  /** Those that the viewer sees, in the namespaces asked for. */
  readonly parts: readonly IndexPart[];
  /** Undefined for one that is still to be fetched. */
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
  const lexical = { index, parts, terms };
  const found = new Map<string, Candidate>();
  const enter = (rankName: "lexicalRank" | "alikeRank" | "vectorRank", offer: Offer): void => {
    for (const [at, record] of wantedOf(query, { offer, load }).entries()) {
      const known = found.get(record.id) ?? { record, lexicalRank: null, alikeRank: null, vectorRank: null };
      found.set(record.id, { ...known, [rankName]: at + 1 });
    }
  };
  if (ranking.lexical > 0) enter("lexicalRank", (limit) => searchWords({ ...lexical, limit }));
  if (ranking.alike > 0) enter("alikeRank", (limit) => searchAlike({ ...lexical, limit }));
  if (ranking.vector > 0) enter("vectorRank", near);
  return rankHits([...found.values()], query, ranking);
};

/** The best of one side, as many as are asked for and there are. */
type Offer = (limit: number) => readonly ScoredDoc[];

/** The best of one side that the query wants. */
const wantedOf = (
  query: MemorySearch & { readonly limit: number },
  { offer, load }: { readonly offer: Offer; readonly load: SearchSources["load"] },
): readonly MemoryRecord[] => {
  const enough = Math.max(50, query.limit * 4);
  for (let limit = hasFilter(query) ? FILTERED_POOL : POOL; ; limit *= POOL_GROWTH) {
    const docs = offer(limit);
    let isWaiting = false;
    const wanted = firstOf(docs, enough, (doc) => {
      const record = load(doc);
      isWaiting ||= record === undefined;
      return record !== undefined && isWanted(record, query) ? record : undefined;
    });
    const isAll = docs.length < limit || limit >= LARGEST_POOL;
    // Of what is not at hand it is not known yet whether it is wanted: more is offered only once it is.
    if (wanted.length >= enough || isAll || isWaiting) return wanted;
  }
};

const firstOf = <Item, Kept>(
  items: readonly Item[],
  count: number,
  keep: (item: Item) => Kept | undefined,
): readonly Kept[] => {
  const kept: Kept[] = [];
  for (const item of items) {
    const one = keep(item);
    if (one !== undefined) kept.push(one);
    if (kept.length >= count) break;
  }
  return kept;
};

const hasFilter = ({ kinds, subject, trust, since, before }: MemoryFilter): boolean =>
  kinds !== undefined ||
  trust !== undefined ||
  subject !== undefined ||
  since !== undefined ||
  before !== undefined;

const isWanted = (record: MemoryRecord, query: MemorySearch): boolean =>
  isCurrentAt(record, query.now) && fits(record, query) && tokensOf(record) <= (query.maxTokens ?? Infinity);

const isCurrentAt = (record: MemoryRecord, now: number): boolean =>
  record.supersededBy === null &&
  (record.expiresAt === null || record.expiresAt > now) &&
  (record.validFrom === null || record.validFrom <= now) &&
  (record.validTo === null || record.validTo > now);

/** Whether a record that the reader sees is on the list that was asked for (K12). */
export const isListed = (record: MemoryRecord, query: MemoryListQuery): boolean =>
  (query.all === true || record.supersededBy === null) &&
  (query.user === undefined || record.scope.user === query.user) &&
  fits(record, query);

/** Whether a record is one of those asked for. */
const fits = (
  record: MemoryRecord,
  { kinds, namespaces, subject, trust, since, before }: MemoryFilter,
): boolean =>
  (kinds === undefined || kinds.includes(record.kind)) &&
  (namespaces === undefined || namespaces.includes(record.scope.namespace)) &&
  (subject === undefined || (record.subject !== null && saysTheSame(record.subject, subject))) &&
  (trust === undefined || trust === record.trust) &&
  (since === undefined || record.seenAt >= since) &&
  (before === undefined || record.seenAt < before);
