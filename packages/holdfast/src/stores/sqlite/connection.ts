import { existsSync, statSync } from "node:fs";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { damagedError, LostTransactionError, troubleOf } from "./sqlite-errors.ts";
import { migrate, unsupportedFormat } from "./migrate.ts";
import { keepRowSums } from "./row-sums.ts";
import { FORMAT_VERSION } from "./schema.ts";

export const DATABASE_FILE = "holdfast.db";

/** How long one statement waits for another process's transaction, and how often it is tried again. */
const BUSY_TIMEOUT_MS = 5_000;
const BUSY_ATTEMPTS = 6;

/**
 * The write-ahead log is moved into the database every 16 MB: often enough that a crash is recovered
 * in well under a second, seldom enough that pages written by many commits are moved once. After a
 * burst (a long reader holds it back) the file is cut to 64 MB.
 */
const CHECKPOINT_PAGES = 2_048;
const MAX_LOG_BYTES = 64 * 1024 * 1024;
const CACHE_KIB = 32 * 1024;

type ConnectionSettings = {
  readonly dataDir: string;
  readonly durability: "full" | "relaxed";
  readonly maxPages: number | null;
  /** False once it was open: a database that is gone then is a fault, not an occasion to begin anew. */
  readonly mayCreate: boolean;
};

/** One open database, with its prepared statements. */
export class Connection {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #path: string;
  readonly #inode: bigint | null;
  #isSynced = true;

  constructor({ dataDir, maxPages, mayCreate }: ConnectionSettings) {
    this.#path = join(dataDir, DATABASE_FILE);
    if (mayCreate) assertNotGone(dataDir, this.#path);
    const url = pathToFileURL(this.#path);
    url.search = mayCreate ? "mode=rwc" : "mode=rw";
    const db = new DatabaseSync(url, { timeout: BUSY_TIMEOUT_MS });
    this.#db = db;
    try {
      whenFree(() => migrate(db, dataDir));
      whenFree(() => configure(db));
      keepRowSums(db);
      if (maxPages !== null) db.exec(`PRAGMA max_page_count = ${maxPages}`);
    } catch (error) {
      db.close();
      throw error;
    }
    this.#inode = inodeOf(this.#path);
  }

  run(sql: string, ...values: readonly SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  /** Runs an insert and answers the row's id. */
  insert(sql: string, ...values: readonly SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).lastInsertRowid);
  }

  /** The first row. The tables are STRICT and ours, so their shape is known to whoever wrote the query. */
  get<Row>(sql: string, ...values: readonly SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined;
  }

  all<Row>(sql: string, ...values: readonly SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  iterate<Row>(sql: string, ...values: readonly SQLInputValue[]): IterableIterator<Row> {
    return this.#statement(sql).iterate(...values) as IterableIterator<Row>;
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** Runs `work` in one write transaction; `isSynced` says whether its commit waits for the disk (C2). */
  transact<Result>(isSynced: boolean, work: () => Result): Result {
    this.#assertInPlace();
    this.#setSynced(isSynced);
    whenFree(() => this.#db.exec("BEGIN IMMEDIATE"));
    try {
      this.#assertFormat();
      const result = work();
      this.assertInTransaction();
      whenFree(() => this.#db.exec("COMMIT"));
      return result;
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  /** Runs `look` on one consistent view of the database. */
  observe<Result>(look: () => Result): Result {
    this.#db.exec("BEGIN");
    try {
      return look();
    } finally {
      this.#rollback();
    }
  }

  /** What SQLite rolled back by itself must not go on one statement at a time (C1). */
  assertInTransaction(): void {
    if (this.#db.isTransaction) return;
    throw new LostTransactionError("STORE_UNAVAILABLE", "The transaction was rolled back.");
  }

  /** Another process may have brought the file to a format that this one does not write (S6). */
  #assertFormat(): void {
    const { user_version: found = 0 } = this.get<{ user_version: number }>("PRAGMA user_version") ?? {};
    if (found !== FORMAT_VERSION) throw unsupportedFormat(found);
  }

  /** A file that was removed can still be written to, and nothing of it is kept: that is not durable (J1). */
  #assertInPlace(): void {
    if (this.#inode !== null && inodeOf(this.#path) === this.#inode) return;
    throw new LostTransactionError("STORE_UNAVAILABLE", "The database file was removed or replaced.");
  }

  /** Empties the log into the database, so that nothing erased stays in it. False while a reader in another process holds it back. */
  truncateLog(): boolean {
    try {
      return this.get<{ busy: number }>("PRAGMA wal_checkpoint(TRUNCATE)")?.busy === 0;
    } catch {
      return false;
    }
  }

  close(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const prepared = this.#db.prepare(sql);
    this.#statements.set(sql, prepared);
    return prepared;
  }

  #setSynced(isSynced: boolean): void {
    if (isSynced === this.#isSynced) return;
    this.#db.exec(`PRAGMA synchronous = ${isSynced ? "FULL" : "NORMAL"}`);
    this.#isSynced = isSynced;
  }

  #rollback(): void {
    try {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
    } catch {
      // The connection is about to be dropped: what is on disk is read again (C6).
    }
  }
}

/** Tries again while another process is at it: many may begin at the same moment, on a disk that is slow. */
const whenFree = (work: () => void): void => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      work();
      return;
    } catch (error) {
      if (troubleOf(error) !== "busy" || attempt === BUSY_ATTEMPTS) throw error;
    }
  }
};

/**
 * The folder of locks is made after the database is: where it stands alone, the database was lost, and one
 * that is begun in its place would pass for a store in which nothing ever happened.
 */
const assertNotGone = (dataDir: string, path: string): void => {
  if (!existsSync(join(dataDir, "locks"))) return;
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0) return;
  throw damagedError("the database file is gone or empty, and was there before", {
    sessionId: null,
    position: null,
  });
};

const inodeOf = (path: string): bigint | null =>
  statSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? null;

const configure = (db: DatabaseSync): void => {
  // What is erased must not stay readable in free pages (C13).
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA secure_delete = ON;
    PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
    PRAGMA journal_size_limit = ${MAX_LOG_BYTES};
    PRAGMA cache_size = -${CACHE_KIB};
    PRAGMA temp_store = MEMORY;
    PRAGMA trusted_schema = OFF;
  `);
  // Elsewhere fsync reaches the disk; on darwin only F_FULLFSYNC does.
  if (process.platform === "darwin") {
    db.exec("PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;");
  }
};
