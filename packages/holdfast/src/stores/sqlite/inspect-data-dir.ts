import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import type { Timestamp } from "../../core/ids.ts";
import type { RunStatus } from "../../core/session-state.ts";
import { DATABASE_FILE } from "./connection.ts";
import { lockPath } from "./process-lock.ts";
import { APPLICATION_ID, FORMAT_VERSION } from "./schema.ts";
import { damagedError } from "./sqlite-errors.ts";

/** A process that has, or had, the data directory open. */
export type DataDirHolder = {
  readonly id: string;
  /** False when it is proven dead; null while it starts. */
  readonly isAlive: boolean | null;
  /** Sessions it holds the lease of. */
  readonly sessions: number;
};

/** What can be seen of a data directory without opening it for work. */
export type DataDirReport = {
  readonly isOurs: boolean;
  readonly format: number;
  readonly supportedFormat: number;
  readonly databaseBytes: number;
  /** Size of the write-ahead log. */
  readonly logBytes: number;
  readonly statuses: readonly { readonly status: RunStatus; readonly count: number }[];
  readonly waits: readonly { readonly waiting: string; readonly count: number }[];
  /** Sessions that settled before the time asked for and still have their content. */
  readonly expirable: number;
  readonly holders: readonly DataDirHolder[];
};

/**
 * Looks at a data directory and changes nothing in it: no migration, no entry among the holders.
 *
 * @throws StoreError `STORE_DAMAGED` when the file cannot be read as a database.
 */
export const inspectDataDir = (dataDir: string, settledBefore: Timestamp): DataDirReport => {
  const path = join(dataDir, DATABASE_FILE);
  try {
    const db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
    try {
      return { ...sizesOf(path), ...readFormat(db), ...readRows(db, dataDir, settledBefore) };
    } finally {
      db.close();
    }
  } catch (error) {
    throw damagedError("the database file cannot be read", { sessionId: null, position: null }, error);
  }
};

const BUSY_TIMEOUT_MS = 5_000;

const sizesOf = (path: string): Pick<DataDirReport, "databaseBytes" | "logBytes"> => {
  const sizeOf = (file: string): number => (existsSync(file) ? statSync(file).size : 0);
  return { databaseBytes: sizeOf(path), logBytes: sizeOf(`${path}-wal`) };
};

const readFormat = (db: DatabaseSync): Pick<DataDirReport, "isOurs" | "format" | "supportedFormat"> => {
  const pragma = (name: string): number => Number(db.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);
  return {
    isOurs: pragma("application_id") === APPLICATION_ID,
    format: pragma("user_version"),
    supportedFormat: FORMAT_VERSION,
  };
};

const HOLDERS = `SELECT h.id, h.state, (SELECT count(*) FROM sessions s WHERE s.holder = h.id) AS sessions
  FROM holders h ORDER BY h.id`;
const EXPIRABLE = `SELECT count(*) AS count FROM sessions
  WHERE is_erased = 0 AND status IN ('completed', 'failed', 'cancelled') AND updated_at < ?`;

type Rows = Pick<DataDirReport, "statuses" | "waits" | "expirable" | "holders">;

const NO_ROWS: Rows = { statuses: [], waits: [], expirable: 0, holders: [] };

const readRows = (db: DatabaseSync, dataDir: string, settledBefore: Timestamp): Rows => {
  const { isOurs, format } = readFormat(db);
  // Another format has other tables.
  if (!isOurs || format !== FORMAT_VERSION) return NO_ROWS;
  const all = <Row>(sql: string): Row[] => db.prepare(sql).all() as Row[];
  const holders = all<{ id: string; state: string; sessions: number }>(HOLDERS);
  return {
    statuses: all("SELECT status, count(*) AS count FROM sessions GROUP BY status ORDER BY status"),
    waits: all("SELECT waiting, count(*) AS count FROM sessions WHERE waiting IS NOT NULL GROUP BY waiting"),
    expirable: Number(db.prepare(EXPIRABLE).get(settledBefore)?.["count"] ?? 0),
    holders: holders.map(({ id, state, sessions }) => ({
      id,
      isAlive: isAlive(dataDir, id, state),
      sessions,
    })),
  };
};

/** The lock of a process is free once the process is gone, and not before. */
const isAlive = (dataDir: string, holder: string, state: string): boolean | null => {
  if (state === "dead") return false;
  if (state === "registering") return null;
  const path = lockPath(dataDir, holder);
  if (!existsSync(path)) return true;
  const url = pathToFileURL(path);
  url.search = "mode=rw";
  try {
    const lock = new DatabaseSync(url, { timeout: 0 });
    try {
      lock.exec("BEGIN EXCLUSIVE; ROLLBACK;");
      return false;
    } finally {
      lock.close();
    }
  } catch {
    return true;
  }
};
