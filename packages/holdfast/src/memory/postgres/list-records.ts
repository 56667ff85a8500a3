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

const rowsFor = async (
  query: MemoryQuery,
  { reader }: MemoryListQuery,
): Promise<(before: number) => Promise<readonly Row[]>> => {
  const select = (where: string, of: unknown, before: number): Promise<readonly Row[]> =>
    query<Row>(
      `SELECT number, body FROM @records WHERE ${where} AND number < $2 ORDER BY number DESC LIMIT ${ROWS_AT_ONCE}`,
      of,
      before,
    );
  if ("operatorOf" in reader) return (before) => select("tenant = $1", keyDigest(reader.operatorOf), before);
  const parts = (await partsSeen(query, { viewer: reader })).map(({ part }) => part);
  return (before) => select("part = ANY($1)", parts, before);
};
