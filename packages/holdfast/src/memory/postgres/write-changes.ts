import type { MemoryRecord } from "../../ports/memory-store.ts";
import { indexTerms } from "../index-terms.ts";
import { slotOf } from "../memory-slot.ts";
import { posting } from "../postings.ts";
import { toBody } from "../record-body.ts";
import { ownerKey } from "../scope-key.ts";
import type { Change } from "./loaded-table.ts";
import type { MemoryQuery } from "./memory-pool.ts";
import { keyDigest, nameDigest } from "./name-digest.ts";
import type { Placed, StoredRecord } from "./record-rows.ts";
import { moveVectors, type NewVectors } from "./vector-rows.ts";

/** Writes what has become of records, of one tenant, within its transaction. */
export const writeChanges = async (
  query: MemoryQuery,
  changes: readonly Change[],
  vectors: NewVectors,
): Promise<void> => {
  const gone = changes.flatMap(({ before }) => (before === undefined ? [] : [before]));
  const placed = await placeAll(query, changes);
  const resized = new Map<number, Size>();
  for (const stored of gone) resize(resized, stored, -1);
  for (const stored of placed) resize(resized, stored, 1);
  await deleteWords(query, gone.filter(isCurrent));
  await moveVectors(query, placed.filter(isCurrent), vectors);
  for (const table of ["@vectors", "@records"])
    await query(
      `DELETE FROM ${table} AS rows USING unnest($1::bigint[], $2::integer[]) AS gone (part, doc)
        WHERE rows.part = gone.part AND rows.doc = gone.doc`,
      gone.map(({ part }) => part),
      gone.map(({ doc }) => doc),
    );
  await insertRecords(query, placed);
  await insertWords(query, placed.filter(isCurrent));
  await resizeParts(query, resized);
};

const isCurrent = ({ record }: StoredRecord): boolean => record.supersededBy === null;

type Size = { count: number; length: number };

const resize = (sizes: Map<number, Size>, stored: StoredRecord, by: 1 | -1): void => {
  if (!isCurrent(stored)) return;
  const size = sizes.get(stored.part) ?? { count: 0, length: 0 };
  size.count += by;
  size.length += by * indexTerms(stored.record).length;
  sizes.set(stored.part, size);
};

const resizeParts = async (query: MemoryQuery, sizes: ReadonlyMap<number, Size>): Promise<void> => {
  await query(
    `UPDATE @parts parts SET count = parts.count + size.count, total_length = parts.total_length + size.length
      FROM unnest($1::bigint[], $2::integer[], $3::bigint[]) AS size (part, count, length) WHERE parts.part = size.part`,
    [...sizes.keys()],
    [...sizes.values()].map(({ count }) => count),
    [...sizes.values()].map(({ length }) => length),
  );
};

/** Gives each record that is to be a place behind all others of its part. */
const placeAll = async (query: MemoryQuery, changes: readonly Change[]): Promise<readonly Placed[]> => {
  const byPart = Map.groupBy(
    changes.flatMap(({ before, after }) => (after === null ? [] : [{ ...after, before }])),
    ({ record }) => JSON.stringify([ownerKey(record), record.scope.namespace]),
  );
  const placed: Placed[] = [];
  for (const some of byPart.values()) {
    const [first] = some;
    if (first === undefined) continue;
    const { part, from } = await takePlaces(query, first.record, some.length);
    some.forEach((each, at) => placed.push({ ...each, part, doc: from + at }));
  }
  return placed;
};

const takePlaces = async (
  query: MemoryQuery,
  record: MemoryRecord,
  count: number,
): Promise<{ readonly part: number; readonly from: number }> => {
  const { tenant, user, session, namespace } = record.scope;
  const [row] = await query<{ part: number; from: number }>(
    `INSERT INTO @parts AS parts (tenant, owner, namespace, user_name, session, next_doc) VALUES ($1, $2, $3, $4, $5, $6)
      ON CONFLICT (owner, namespace) DO UPDATE SET next_doc = parts.next_doc + $6
      RETURNING part, next_doc - $6 AS from`,
    keyDigest(tenant),
    keyDigest(ownerKey(record)),
    keyDigest(namespace),
    nameDigest(user),
    nameDigest(session),
    count,
  );
  return row ?? { part: 0, from: 0 };
};

type Words = {
  readonly part: number[];
  readonly doc: number[];
  readonly term: string[];
  readonly packed: number[];
};

const wordsOf = (records: readonly StoredRecord[]): Words => {
  const words: Words = { part: [], doc: [], term: [], packed: [] };
  for (const { record, part, doc } of records) {
    const terms = indexTerms(record);
    for (const [term, units] of terms.units) {
      words.part.push(part);
      words.doc.push(doc);
      words.term.push(termKey(term));
      // 32 bits without a sign, as Postgres has them: with one.
      words.packed.push((posting(doc, units, terms)[1] ?? 0) | 0);
    }
  }
  return words;
};

/** A word that was cut in the middle of a character is stored without that half. */
export const termKey = (term: string): string => term.toWellFormed();

/** Of long texts there are more words than one statement has time for. */
const WORDS_AT_ONCE = 100_000;

const inPieces = async (words: Words, each: (piece: Words) => Promise<unknown>): Promise<void> => {
  for (let from = 0; from < words.part.length; from += WORDS_AT_ONCE) {
    const to = from + WORDS_AT_ONCE;
    await each({
      part: words.part.slice(from, to),
      doc: words.doc.slice(from, to),
      term: words.term.slice(from, to),
      packed: words.packed.slice(from, to),
    });
  }
};

const insertWords = (query: MemoryQuery, records: readonly StoredRecord[]): Promise<void> =>
  inPieces(wordsOf(records), ({ part, term, doc, packed }) =>
    query(
      `INSERT INTO @postings (part, term, doc, packed)
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::integer[]) ON CONFLICT DO NOTHING`,
      part,
      term,
      doc,
      packed,
    ),
  );

const deleteWords = (query: MemoryQuery, records: readonly StoredRecord[]): Promise<void> =>
  inPieces(wordsOf(records), ({ part, term, doc }) =>
    query(
      `DELETE FROM @postings postings USING unnest($1::bigint[], $2::text[], $3::integer[]) AS gone (part, term, doc)
        WHERE postings.part = gone.part AND postings.term = gone.term AND postings.doc = gone.doc`,
      part,
      term,
      doc,
    ),
  );

const insertRecords = async (query: MemoryQuery, placed: readonly Placed[]): Promise<void> => {
  await query(
    `INSERT INTO @records (part, doc, tenant, id, chain, number, slot, source_session, kind, seen_at, expires_at, body)
      SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
        $9::text[], $10::bigint[], $11::bigint[], $12::text[])`,
    placed.map(({ part }) => part),
    placed.map(({ doc }) => doc),
    placed.map(({ record }) => keyDigest(record.scope.tenant)),
    placed.map(({ record }) => record.id),
    placed.map(({ chain }) => chain),
    placed.map(({ number }) => number),
    placed.map((each) => (isCurrent(each) ? slotOf(each.record) : null)),
    placed.map(({ record }) => nameDigest(record.source?.sessionId ?? null)),
    placed.map(({ record }) => record.kind),
    placed.map(({ record }) => record.seenAt),
    placed.map(({ record }) => record.expiresAt),
    placed.map(({ record }) => toBody(record)),
  );
};
