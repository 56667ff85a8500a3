import type { MemoryHit, MemoryRecord, MemorySearch } from "../ports/memory-store.ts";
import { tokenise } from "./tokenise.ts";

/** How much each side and each property of a record counts. */
export type MemoryRanking = {
  readonly lexical: number;
  /** Words that look alike. */
  readonly alike: number;
  readonly vector: number;
  /** How much more a record counts that was seen now; half of it after `halfLifeMs`. */
  readonly recency: number;
  readonly halfLifeMs: number;
  /** How much more a record counts for each of user, agent and session that it is for alone. */
  readonly scope: number;
  /** How much of its score a record loses that says what one before it says, from 0 to 1. */
  readonly diversity: number;
};

export const USUAL_RANKING: MemoryRanking = {
  lexical: 1,
  alike: 0.3,
  vector: 1,
  recency: 0.1,
  halfLifeMs: 30 * 86_400_000,
  scope: 0.02,
  diversity: 0.3,
};

/** Reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009, with their k. */
const K = 60;

/** A record that some sides have found, with its ranks from 1 on. */
export type Candidate = {
  readonly record: MemoryRecord;
  readonly lexicalRank: number | null;
  readonly alikeRank: number | null;
  readonly vectorRank: number | null;
};

type Ranked = { readonly hit: MemoryHit; readonly words: ReadonlySet<string> };

/** Puts what was found in order: fused ranks, recency, scope and confidence, then less of what says the same; and cuts it. */
export const rankHits = (
  candidates: readonly Candidate[],
  query: Pick<MemorySearch, "now" | "limit" | "maxTokens">,
  ranking: MemoryRanking,
): readonly MemoryHit[] => {
  const { limit = 10, maxTokens = Infinity } = query;
  const left = candidates
    .map((candidate) => scored(candidate, query.now, ranking))
    .toSorted((one, other) => other.hit.score - one.hit.score)
    .slice(0, limit * LOOKED_AT);
  return diverse(left, { limit, maxTokens }, ranking.diversity);
};

const scored = (candidate: Candidate, now: number, ranking: MemoryRanking): Ranked => {
  const { record, lexicalRank, alikeRank, vectorRank } = candidate;
  const part = (weight: number, rank: number | null): number => (rank === null ? 0 : weight / (K + rank));
  const fused =
    part(ranking.lexical, lexicalRank) + part(ranking.alike, alikeRank) + part(ranking.vector, vectorRank);
  const age = Math.max(0, now - record.seenAt);
  const recency = 1 + ranking.recency * 0.5 ** (age / ranking.halfLifeMs);
  const own = [record.scope.user, record.scope.agent, record.scope.session].filter((each) => each !== null);
  const scope = 1 + ranking.scope * own.length;
  const confidence = 0.5 + 0.5 * record.confidence;
  const score = fused * recency * scope * confidence;
  const parts = { lexicalRank, alikeRank, vectorRank, recency, scope, confidence };
  return { hit: { record, score, parts }, words: new Set(tokenise(record.text.slice(0, 1_000))) };
};

type Cut = { readonly limit: number; readonly maxTokens: number };

/**
 * Takes the best each time, less what it shares with the most alike of those taken (Carbonell and Goldstein, SIGIR 1998). What does
 * not fit into the tokens that are left takes no place: a shorter one after it may fit.
 */
const diverse = (
  ranked: readonly Ranked[],
  { limit, maxTokens }: Cut,
  diversity: number,
): readonly MemoryHit[] => {
  let tokens = maxTokens;
  const left = ranked.map((each) => ({ ...each, likeness: 0 }));
  const taken: MemoryHit[] = [];
  while (taken.length < limit && left.length > 0) {
    const worth = left.map(({ hit, likeness }) => hit.score * (1 - diversity * likeness));
    const at = worth.indexOf(Math.max(...worth));
    const [best] = left.splice(at, 1);
    if (best === undefined) break;
    const needed = tokensOf(best.hit.record);
    if (needed > tokens) continue;
    tokens -= needed;
    taken.push({ ...best.hit, score: worth[at] ?? 0 });
    for (const other of left) other.likeness = Math.max(other.likeness, likenessOf(best.words, other.words));
  }
  return taken;
};

/** The part of all their words that both have; only near copies count. */
const likenessOf = (one: ReadonlySet<string>, other: ReadonlySet<string>): number => {
  if (one.size === 0 || other.size === 0) return 0;
  const shared = one.intersection(other).size;
  const likeness = shared / (one.size + other.size - shared);
  return likeness < NEAR_COPY ? 0 : likeness;
};

/** So many times what is asked for is looked at for copies. */
const LOOKED_AT = 3;
const NEAR_COPY = 0.6;
const CHARS_A_TOKEN = 4;

/** What the text of a record counts against a budget. */
export const tokensOf = ({ text }: MemoryRecord): number => Math.ceil(text.length / CHARS_A_TOKEN);
