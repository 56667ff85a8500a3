import { mkdirSync } from "node:fs";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { dirname } from "node:path";
import { StoreError } from "../../core/errors.ts";
import { APPLICATION_ID, FORMAT_VERSION, SCHEMA } from "./memory-schema.ts";
import { storeErrorOf } from "./memory-errors.ts";

const BUSY_TIMEOUT_MS = 10_000;
const CACHE_KIB = 64 * 1024;
const MAX_LOG_BYTES = 64 * 1024 * 1024;

/** The open database, with its prepared statements. */
export class MemoryConnection {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    this.#db = db;
    try {
      configure(db);
      this.transact(() => migrate(db));
    } catch (error) {
      db.close();
      throw error;
    }
  }

  run(sql: string, ...values: readonly SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  insert(sql: string, ...values: readonly SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).lastInsertRowid);
  }

  /** The tables are STRICT and ours, so the shape of a row is known to whoever wrote the query. */
  get<Row>(sql: string, ...values: readonly SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined;
  }

  all<Row>(sql: string, ...values: readonly SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  iterate<Row>(sql: string, ...values: readonly SQLInputValue[]): IterableIterator<Row> {
    return this.#statement(sql).iterate(...values) as IterableIterator<Row>;
  }

  /** All of it, or nothing; on disk when it comes back (K4). */
  transact<Result>(work: () => Result): Result {
    return this.#within("BEGIN IMMEDIATE", work);
  }

  /** One consistent view. */
  observe<Result>(look: () => Result): Result {
    return this.#within("BEGIN", look);
  }

  /** A part of a transaction that can fail alone. */
  attempt<Result>(work: () => Result): Result {
    this.#db.exec("SAVEPOINT attempt");
    try {
      const result = work();
      this.#db.exec("RELEASE attempt");
      return result;
    } catch (error) {
      // A disk that is full rolls everything back by itself; then there is nothing left to take back.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK TO attempt; RELEASE attempt");
      throw error;
    }
  }

  get isInTransaction(): boolean {
    return this.#db.isTransaction;
  }

  /** Empties the log into the database, so that nothing erased stays in it (K10). @throws StoreError while somebody reads. */
  emptyLog(): void {
    const [row] = this.#db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
    if (row?.["busy"] === 0) return;
    throw new StoreError(
      "STORE_UNAVAILABLE",
      "It is erased, but another process still reads the log it was in.",
      {
        hint: "Erase it again: that is done when the log is empty too.",
      },
    );
  }

  close(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  #within<Result>(begin: string, work: () => Result): Result {
    try {
      this.#db.exec(begin);
      const result = work();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw storeErrorOf(error);
    }
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const prepared = this.#db.prepare(sql);
    this.#statements.set(sql, prepared);
    return prepared;
  }
}

const configure = (db: DatabaseSync): void => {
  try {
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA secure_delete = ON;
      PRAGMA journal_size_limit = ${MAX_LOG_BYTES};
      PRAGMA cache_size = -${CACHE_KIB};
      PRAGMA temp_store = MEMORY;
      PRAGMA trusted_schema = OFF;
    `);
    if (process.platform === "darwin") db.exec("PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;");
  } catch (error) {
    throw storeErrorOf(error);
  }
};

/** Fills an empty database; a foreign or newer one is refused untouched. */
const migrate = (db: DatabaseSync): void => {
  const pragma = (name: string): number => Number(db.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);
  const version = pragma("user_version");
  const application = pragma("application_id");
  const isEmpty = db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
  if (isEmpty && version === 0) {
    db.exec(SCHEMA);
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${FORMAT_VERSION}`);
    return;
  }
  if (application === APPLICATION_ID && version === FORMAT_VERSION) return;
  throw new StoreError(
    "STORE_FORMAT_UNSUPPORTED",
    application === APPLICATION_ID
      ? `The memory has format ${version}; this version of Holdfast reads and writes format ${FORMAT_VERSION}.`
      : "The file holds a database that is no memory of Holdfast's.",
    { hint: "Name another file, or use the version of Holdfast that wrote it.", retryable: false },
  );
};
