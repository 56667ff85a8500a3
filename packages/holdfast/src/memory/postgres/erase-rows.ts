import type { MemoryErasure, MemoryRecord, MemorySweep } from "../../ports/memory-store.ts";
import { ANSWERS_KEPT_MS } from "../governance.ts";
import { bodyOf } from "../record-body.ts";
import { eraseAnswers } from "./answer-rows.ts";
import { changeRecords } from "./change-records.ts";
import type { MemoryPool, MemoryQuery } from "./memory-pool.ts";
import { keyDigest } from "./name-digest.ts";

const REFUSE_UP_TO = `INSERT INTO @erased AS erased (tenant, session, up_to) VALUES ($1, $2, $3)
  ON CONFLICT (tenant, session) DO UPDATE SET up_to = greatest(erased.up_to, excluded.up_to)`;

/** Within the tenant's transaction. Answers how many records are gone. */
export const eraseRows = async (query: MemoryQuery, what: MemoryErasure): Promise<number> => {
  await eraseAnswers(query, what);
  const parts = await partsOf(query, what);
  for (const table of ["@postings", "@vectors"])
    await query(`DELETE FROM ${table} WHERE part = ANY($1)`, parts);
  const gone = await query("DELETE FROM @records WHERE part = ANY($1) RETURNING doc", parts);
  await query("DELETE FROM @parts WHERE part = ANY($1)", parts);
  if (!("session" in what)) return gone.length;
  if (what.upTo !== undefined)
    await query(REFUSE_UP_TO, keyDigest(what.tenant), keyDigest(what.session), what.upTo);
  const came = await query<{ body: string }>(
    "SELECT body FROM @records WHERE tenant = $1 AND source_session = $2",
    keyDigest(what.tenant),
    keyDigest(what.session),
  );
  await removeAll(query, what.tenant, came.map(bodyOf));
  return gone.length + came.length;
};

const partsOf = async (query: MemoryQuery, what: MemoryErasure): Promise<readonly number[]> => {
  const sql = "SELECT part FROM @parts WHERE tenant = $1";
  const tenant = keyDigest(what.tenant);
  const rows =
    "user" in what
      ? await query<{ part: number }>(`${sql} AND user_name = $2`, tenant, keyDigest(what.user))
      : "session" in what
        ? await query<{ part: number }>(`${sql} AND session = $2`, tenant, keyDigest(what.session))
        : await query<{ part: number }>(sql, tenant);
  return rows.map(({ part }) => part);
};

const removeAll = (
  query: MemoryQuery,
  tenant: string | null,
  records: readonly MemoryRecord[],
): Promise<void> =>
  changeRecords(query, { tenant, vectors: null }, (table) => {
    for (const record of records) table.remove(record);
  });

/** So many records go in one transaction: others have their turn between two of them. */
const SWEPT_AT_ONCE = 500;

/** Tenant by tenant. Answers how many records are gone. */
export const sweepTenants = async (pool: MemoryPool, { now, keepMs = {} }: MemorySweep): Promise<number> => {
  await pool.transact("answers", (query) =>
    query("DELETE FROM @answers WHERE at <= $1", now - ANSWERS_KEPT_MS),
  );
  let gone = await sweepWhere(pool, ["expires_at <= $1", now]);
  for (const [kind, keep] of Object.entries(keepMs))
    gone += await sweepWhere(pool, ["seen_at <= $1 AND kind = $2", now - keep, kind]);
  return gone;
};

type Condition = readonly [string, ...(string | number)[]];

const sweepWhere = async (pool: MemoryPool, [where, ...values]: Condition): Promise<number> => {
  const sql = `SELECT body FROM @records WHERE ${where}`;
  let gone = 0;
  for (;;) {
    const [first] = await pool.observe((query) => query<{ body: string }>(`${sql} LIMIT 1`, ...values));
    if (first === undefined) return gone;
    const { tenant } = bodyOf(first).scope;
    gone += await pool.transact(keyDigest(tenant), async (query) => {
      const ofTenant = `${sql} AND tenant = '${keyDigest(tenant)}' LIMIT ${SWEPT_AT_ONCE}`;
      const records = (await query<{ body: string }>(ofTenant, ...values)).map(bodyOf);
      await removeAll(query, tenant, records);
      return records.length;
    });
  }
};
