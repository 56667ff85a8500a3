import type { MemoryErasure, MemorySweep } from "../../ports/memory-store.ts";
import { ANSWERS_KEPT_MS } from "../governance.ts";
import { tenantKey } from "../scope-key.ts";
import type { MemoryConnection } from "./memory-connection.ts";
import { placesOf } from "./memory-schema.ts";
import { nameKey } from "./part-rows.ts";
import { bodyOf } from "../record-body.ts";
import { TenantTable } from "./tenant-table.ts";

const REFUSE_UP_TO = `INSERT INTO erased_sessions VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET up_to = max(up_to, excluded.up_to)`;

/** Erases within a transaction; the log is emptied after it (K10). Answers how many records are gone. */
export const eraseRows = (db: MemoryConnection, what: MemoryErasure): number => {
  eraseAnswers(db, what);
  const parts = db.all<{ part: number }>(...partsOf(what)).map(({ part }) => part);
  const gone = parts.reduce((sum, part) => sum + erasePart(db, part), 0);
  if (!("session" in what)) return gone;
  if (what.upTo !== undefined) db.run(REFUSE_UP_TO, tenantKey(what.tenant), nameKey(what.session), what.upTo);
  const came = db.all<{ body: string }>(
    "SELECT body FROM records WHERE tenant = ? AND source_session = ?",
    tenantKey(what.tenant),
    nameKey(what.session),
  );
  const table = new TenantTable(db, what.tenant);
  for (const row of came) table.remove(bodyOf(row));
  return gone + came.length;
};

const partsOf = (what: MemoryErasure): [string, ...(string | null)[]] => {
  const tenant = tenantKey(what.tenant);
  const sql = "SELECT part FROM parts WHERE tenant = ?";
  if ("user" in what) return [`${sql} AND user = ?`, tenant, nameKey(what.user)];
  return "session" in what ? [`${sql} AND session = ?`, tenant, nameKey(what.session)] : [sql, tenant];
};

const erasePart = (db: MemoryConnection, part: number): number => {
  const [first, last] = placesOf(part);
  db.run("DELETE FROM postings WHERE part = ?", part);
  db.run("DELETE FROM vectors WHERE place BETWEEN ? AND ?", first, last);
  const gone = db.run("DELETE FROM records WHERE place BETWEEN ? AND ?", first, last);
  db.run("DELETE FROM parts WHERE part = ?", part);
  return gone;
};

/** What was answered is gone, and whom; that it was stays, so that it is not done again (K5). */
const eraseAnswers = (db: MemoryConnection, what: MemoryErasure): void => {
  const clear = "UPDATE answers SET answers = NULL, user = NULL, session = NULL WHERE tenant = ?";
  const tenant = tenantKey(what.tenant);
  if ("user" in what) db.run(`${clear} AND user = ?`, tenant, nameKey(what.user));
  else if ("session" in what) db.run(`${clear} AND session = ?`, tenant, nameKey(what.session));
  else db.run(clear, tenant);
};

/** So many records go in one transaction: others have their turn between two of them. */
export const SWEPT_AT_ONCE = 500;

/** Within a transaction. Answers how many records are gone; as many as may go at once where there may be more. */
export const sweepRows = (db: MemoryConnection, { now, keepMs = {} }: MemorySweep): number => {
  db.run("DELETE FROM answers WHERE at <= ?", now - ANSWERS_KEPT_MS);
  let gone = removeSome(db, SWEPT_AT_ONCE, ["expires_at <= ?", now]);
  for (const [kind, keep] of Object.entries(keepMs))
    gone += removeSome(db, SWEPT_AT_ONCE - gone, ["kind = ? AND seen_at <= ?", kind, now - keep]);
  return gone;
};

const removeSome = (
  db: MemoryConnection,
  limit: number,
  [where, ...values]: readonly [string, ...(string | number)[]],
): number => {
  const sql = `SELECT body FROM records WHERE ${where} LIMIT ?`;
  const found = db.all<{ body: string }>(sql, ...values, limit).map(bodyOf);
  for (const record of found) new TenantTable(db, record.scope.tenant).remove(record);
  return found.length;
};
