import type { MemoryListQuery, MemoryPage, MemoryRecord } from "../../ports/memory-store.ts";
import { bodyOf } from "../record-body.ts";
import { isListed } from "../search-memory.ts";
import { partsSeen } from "./fetched-index.ts";
import type { MemoryQuery } from "./memory-pool.ts";
import { keyDigest } from "./name-digest.ts";

const ROWS_AT_ONCE = 500;

type Row = { readonly number: number; readonly body: string };

/** From the newest on: records of others are not looked at (K1, K12). */
export const listRecords = async (
  query: MemoryQuery,
  asked: MemoryListQuery,
  before: number,
): Promise<MemoryPage> => {
  const { limit } = asked;
  const readBefore = await rowsFor(query, asked);
  const found: { readonly record: MemoryRecord; readonly number: number }[] = [];
  for (let from = before; found.length <= limit;) {
    const rows = await readBefore(from);
    for (const row of rows) {
      const record = bodyOf(row);
      if (isListed(record, asked)) found.push({ record, number: row.number });
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS_AT_ONCE) break;
    from = last.number;
  }
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    records: page.map(({ record }) => record),
    cursor: found.length > limit && last !== undefined ? String(last.number) : null,
  };
};

/** What the columns can tell of a filter is left to the server: of a kind there may be one in a hundred thousand. */
const FITS = `number < $2 AND ($3::text[] IS NULL OR kind = ANY($3))
  AND ($4::bigint IS NULL OR seen_at >= $4) AND ($5::bigint IS NULL OR seen_at < $5)
  ORDER BY number DESC LIMIT ${ROWS_AT_ONCE}`;
const OF_TENANT = `SELECT number, body FROM @records WHERE tenant = $1 AND ${FITS}`;
/** Part by part, for each has them in order. */
const OF_PARTS = `SELECT rows.number, rows.body FROM unnest($1::bigint[]) AS seen (part)
  CROSS JOIN LATERAL (SELECT number, body FROM @records AS records WHERE records.part = seen.part AND ${FITS}) AS rows
  ORDER BY rows.number DESC LIMIT ${ROWS_AT_ONCE}`;

const rowsFor = async (
  query: MemoryQuery,
  { reader, namespaces, kinds, since, before: until }: MemoryListQuery,
): Promise<(before: number) => Promise<readonly Row[]>> => {
  const filter = [kinds?.filter((kind) => /^[a-z]+$/.test(kind)) ?? null, wholeOf(since), wholeOf(until)];
  if ("operatorOf" in reader)
    return (before) => query<Row>(OF_TENANT, keyDigest(reader.operatorOf), before, ...filter);
  const seen = namespaces === undefined ? { viewer: reader } : { viewer: reader, namespaces };
  const parts = (await partsSeen(query, seen)).map(({ part }) => part);
  return (before) => query<Row>(OF_PARTS, parts, before, ...filter);
};

/** Of anything else the record itself says whether it fits. */
const wholeOf = (time: number | undefined): number | null =>
  time !== undefined && Number.isSafeInteger(time) ? time : null;
