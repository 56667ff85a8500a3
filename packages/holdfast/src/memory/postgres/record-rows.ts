import type { MemoryRecord } from "../../ports/memory-store.ts";
import { bodyOf } from "../record-body.ts";
import type { MemoryQuery } from "./memory-pool.ts";
import { keyDigest } from "./name-digest.ts";
import { slotKey } from "./slot-key.ts";

/** A record where it is kept. */
export type StoredRecord = {
  readonly record: MemoryRecord;
  readonly part: number;
  readonly doc: number;
  readonly number: number;
  /** The first of those that took each other's place: they are fetched together. */
  readonly chain: string;
};

/** A record where it will be, and where it was. */
export type Placed = StoredRecord & { readonly before: StoredRecord | undefined };

export type RecordRow = Omit<StoredRecord, "record"> & { readonly body: string };

const COLUMNS = "part, doc, number, chain, body";

const storedOf = ({ body, ...place }: RecordRow): StoredRecord => ({
  ...place,
  record: bodyOf({ body }),
});

/** With all that belong to the same chains. */
export const recordsById = async (
  query: MemoryQuery,
  tenant: string | null,
  ids: readonly string[],
): Promise<ReadonlyMap<string, StoredRecord>> => {
  const rows = await query<RecordRow>(
    `SELECT ${COLUMNS} FROM @records WHERE tenant = $1
      AND (id = ANY($2) OR chain IN (SELECT chain FROM @records WHERE tenant = $1 AND id = ANY($2)))`,
    keyDigest(tenant),
    // A text of Postgres holds no NUL: there is none with such an id.
    ids.filter((id) => !id.includes("\0")),
  );
  return new Map(rows.map(storedOf).map((stored) => [stored.record.id, stored]));
};

/** The ids of the current records in these slots. */
export const idsBySlot = async (
  query: MemoryQuery,
  keys: readonly string[],
): Promise<ReadonlyMap<string, string>> => {
  const asked = keys.map((key) => JSON.parse(key) as [string, string, string]);
  const rows = await query<{ key: number; id: string }>(
    `SELECT (asked.key - 1)::integer AS key, records.id
      FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS asked (owner, namespace, slot, key)
      JOIN @parts parts ON parts.owner = asked.owner AND parts.namespace = asked.namespace
      JOIN @records records ON records.part = parts.part AND records.slot = asked.slot`,
    asked.map(([owner]) => keyDigest(owner)),
    asked.map(([, namespace]) => keyDigest(namespace)),
    asked.map(([, , slot]) => slot),
  );
  return new Map(rows.map(({ key, id }) => [slotKey(...(asked[key] ?? ["", "", ""])), id]));
};
