import type { Position, SessionId } from "../../core/ids.ts";
import { Fetched, untilFetched } from "../fetched.ts";
import { LoadedTable } from "./loaded-table.ts";
import type { MemoryQuery } from "./memory-pool.ts";
import { keyDigest } from "./name-digest.ts";
import { idsBySlot, recordsById, type StoredRecord } from "./record-rows.ts";
import type { NewVectors } from "./vector-rows.ts";
import { writeChanges } from "./write-changes.ts";

type Where = { readonly tenant: string | null; readonly vectors: NewVectors };

const erasedSessions = async (
  query: MemoryQuery,
  tenant: string | null,
  sessions: readonly SessionId[],
): Promise<ReadonlyMap<SessionId, Position>> => {
  const byDigest = new Map(sessions.map((session) => [keyDigest(session), session] as const));
  const rows = await query<{ session: string; up_to: number }>(
    "SELECT session, up_to FROM @erased WHERE tenant = $1 AND session = ANY($2)",
    keyDigest(tenant),
    [...byDigest.keys()],
  );
  return new Map(rows.map(({ session, up_to: upTo }) => [byDigest.get(session) ?? session, upTo]));
};

/** Changes records of one tenant, within its transaction: the work is done on what was fetched for it, and then written. */
export const changeRecords = async <Result>(
  query: MemoryQuery,
  { tenant, vectors }: Where,
  work: (table: LoadedTable) => Result,
): Promise<Result> => {
  const byId = new Fetched<StoredRecord>((ids) => recordsById(query, tenant, ids));
  const bySlot = new Fetched<string>((keys) => idsBySlot(query, keys));
  const [counter] = await query<{ value: number }>(
    "SELECT value FROM @counters WHERE tenant = $1",
    keyDigest(tenant),
  );
  const last = counter?.value ?? 0;
  const erasedUpTo = new Fetched<Position>((sessions) => erasedSessions(query, tenant, sessions));
  const { table, result } = await untilFetched([byId, bySlot, erasedUpTo], () => {
    const loaded = new LoadedTable({ byId, bySlot, erasedUpTo }, last);
    return { table: loaded, result: work(loaded) };
  });
  if (table.lastNumber !== last)
    await query(
      `INSERT INTO @counters (tenant, value) VALUES ($1, $2)
        ON CONFLICT (tenant) DO UPDATE SET value = excluded.value`,
      keyDigest(tenant),
      table.lastNumber,
    );
  if (table.changes.length > 0) await writeChanges(query, table.changes, vectors);
  return result;
};
