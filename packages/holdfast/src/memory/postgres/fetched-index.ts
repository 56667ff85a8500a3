import type { MemoryRecord, MemorySearch } from "../../ports/memory-store.ts";
import { Fetched } from "../fetched.ts";
import type { IndexPart } from "../lexical-search.ts";
import type { Postings } from "../postings.ts";
import { bodyOf } from "../record-body.ts";
import { ownersSeenBy } from "../scope-key.ts";
import type { SearchSources } from "../search-memory.ts";
import type { MemoryQuery } from "./memory-pool.ts";
import { keyDigest } from "./name-digest.ts";
import { termKey } from "./write-changes.ts";

/** The parts that a viewer sees, and no others (K1). */
export const partsSeen = (
  query: MemoryQuery,
  { viewer, namespaces }: Pick<MemorySearch, "viewer" | "namespaces">,
): Promise<readonly IndexPart[]> =>
  query<IndexPart>(
    `SELECT part, count, total_length AS "totalLength", next_doc AS "nextDoc" FROM @parts
      WHERE owner = ANY($1) AND ($2::text[] IS NULL OR namespace = ANY($2)) ORDER BY part`,
    ownersSeenBy(viewer).map(keyDigest),
    namespaces?.map(keyDigest) ?? null,
  );

type Found = Pick<SearchSources, "index" | "load">;

/** What a search reads of the words; what it has asked for and not got is fetched when it has ended. */
export const fetchedIndex = (
  query: MemoryQuery,
): Found & { readonly sources: readonly Fetched<unknown>[] } => {
  const postings = new Fetched((keys) => postingsOf(query, keys));
  const terms = new Fetched((keys) => termsOf(query, keys));
  const records = new Fetched((keys) => recordsAt(query, keys));
  return {
    index: {
      postings: (part, term) => postings.get(keyOf(part, termKey(term))) ?? [],
      terms: (part, initial, limit) => terms.get(keyOf(part, initial, limit)) ?? [],
    },
    load: ({ part, doc }) => records.get(keyOf(part, doc)),
    sources: [postings, terms, records],
  };
};

const keyOf = (...values: readonly (string | number)[]): string => JSON.stringify(values);
const valuesOf = <Values>(keys: readonly string[]): readonly Values[] =>
  keys.map((key) => JSON.parse(key) as Values);

const postingsOf = async (
  query: MemoryQuery,
  keys: readonly string[],
): Promise<ReadonlyMap<string, readonly Postings[]>> => {
  const asked = valuesOf<[number, string]>(keys);
  const rows = await query<{ part: number; term: string; data: Buffer }>(
    `SELECT part, term, string_agg(int4send(doc) || int4send(packed), ''::bytea) AS data FROM @postings
      WHERE (part, term) IN (SELECT * FROM unnest($1::bigint[], $2::text[])) GROUP BY part, term`,
    asked.map(([part]) => part),
    asked.map(([, term]) => term),
  );
  return new Map(rows.map(({ part, term, data }) => [keyOf(part, term), [toPostings(data)]]));
};

/** Numbers of 32 bits come over the highest byte first. */
const toPostings = (data: Buffer): Postings =>
  Uint32Array.from({ length: data.byteLength / 4 }, (_, at) => data.readUInt32BE(at * 4));

const termsOf = async (
  query: MemoryQuery,
  keys: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> => {
  const found = new Map<string, readonly string[]>();
  for (const [part, initial, limit] of valuesOf<[number, string, number]>(keys)) {
    const rows = await query<{ term: string }>(
      "SELECT DISTINCT term FROM @postings WHERE part = $1 AND term >= $2 AND term < $3 ORDER BY term LIMIT $4",
      part,
      initial,
      `${initial}\u{10ffff}`,
      limit,
    );
    found.set(
      keyOf(part, initial, limit),
      rows.map(({ term }) => term),
    );
  }
  return found;
};

const recordsAt = async (
  query: MemoryQuery,
  keys: readonly string[],
): Promise<ReadonlyMap<string, MemoryRecord>> => {
  const asked = valuesOf<[number, number]>(keys);
  const rows = await query<{ part: number; doc: number; body: string }>(
    `SELECT part, doc, body FROM @records
      WHERE (part, doc) IN (SELECT * FROM unnest($1::bigint[], $2::integer[]))`,
    asked.map(([part]) => part),
    asked.map(([, doc]) => doc),
  );
  return new Map(rows.map((row) => [keyOf(row.part, row.doc), bodyOf(row)]));
};
