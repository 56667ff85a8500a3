import { describe, expect, it } from "vitest";
import type { MemoryRecord } from "../ports/memory-store.ts";
import { posting } from "./postings.ts";
import { USUAL_RANKING } from "./rank-hits.ts";
import { searchMemory } from "./search-memory.ts";

const COUNT = 20_000;
const NOW = 1_700_000_000_000;
const VIEWER = { tenant: null, user: null, agent: null, session: null };

const recordOf = (doc: number): MemoryRecord => ({
  id: `mem_${doc}`,
  scope: { ...VIEWER, namespace: "" },
  kind: "episode",
  text: `lake ${doc}`,
  subject: null,
  context: null,
  source: null,
  origin: "user",
  trust: "trusted",
  confidence: 1,
  seenAt: NOW,
  validFrom: null,
  validTo: null,
  expiresAt: null,
  supersedes: null,
  revision: "first",
  supersededBy: null,
});

/** A store that has nothing at hand: how many records each look asks it for, until it has them all. */
const asked = (query: { readonly maxTokens?: number }): readonly number[] => {
  const all = Uint32Array.from(
    Array.from({ length: COUNT }, (_, doc) => [...posting(doc, 4, { length: 4 })]).flat(),
  );
  const known = new Map<number, MemoryRecord>();
  const looks: number[] = [];
  for (;;) {
    const missing = new Set<number>();
    searchMemory(
      { viewer: VIEWER, text: "lake", now: NOW, limit: 5, ...query },
      {
        index: { postings: () => [all], terms: () => [] },
        parts: [{ part: 1, count: COUNT, totalLength: 4 * COUNT, nextDoc: COUNT }],
        load: ({ doc }) => {
          if (!known.has(doc)) missing.add(doc);
          return known.get(doc);
        },
        near: () => [],
        ranking: USUAL_RANKING,
        stem: true,
      },
    );
    if (missing.size === 0) return looks;
    looks.push(missing.size);
    for (const doc of missing) known.set(doc, recordOf(doc));
  }
};

describe("a search of records that have to be fetched", () => {
  it("K9 asks for those it may tell of, and not for all that have the word", () => {
    expect(asked({})).toEqual([400]);
  });

  it("K9 asks for more only once those it was offered are known not to fit", () => {
    expect(asked({ maxTokens: 1 })).toEqual([400, 6_000, COUNT - 6_400]);
  });
});
