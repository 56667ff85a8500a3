import type Pg from "pg";
import type { CustomTypesConfig, Pool, PoolClient } from "pg";
import { ConfigurationError, isHoldfastError, RuntimeClosedError, StoreError } from "../../core/errors.ts";
import { FORMAT_VERSION, TABLES } from "./memory-tables.ts";

/** One lock for making the tables, by whichever process comes first. */
const MAKING = 0x48_66_6d_31;

const CONNECT_MS = 10_000;
const STATEMENT_MS = 30_000;

/** Class 40: the transaction was rolled back, because of another one. */
const ROLLED_BACK = /^40/;
const MAX_TRIES = 5;

/** Whatever the server begins with: what is read once a lock was waited for has to be what there is then (K5). */
const BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/** A transaction. */
export type MemoryQuery = {
  /** Rows of tables that are ours, so their shape is known to whoever wrote the query; `@` before a table stands for the schema. */
  <Row>(sql: string, ...values: readonly unknown[]): Promise<readonly Row[]>;
};

export type MemoryPoolOptions = {
  readonly url: string;
  readonly schema: string;
  readonly maxConnections: number;
};

/** The connections to the server. */
export class MemoryPool {
  readonly #pool: Pool;
  readonly #schema: string;
  #isClosed = false;

  private constructor(pool: Pool, schema: string) {
    this.#pool = pool;
    this.#schema = schema;
  }

  /** Connects, and makes the tables when they are not there. */
  static async open({ url, schema, maxConnections }: MemoryPoolOptions): Promise<MemoryPool> {
    const { Pool: PoolOfPg, types } = await loadPg();
    const pool = new PoolOfPg({
      types: {
        // Every number of these tables is a safe one.
        getTypeParser: (type: number, format?: "text" | "binary") =>
          type === types.builtins.INT8 ? Number : types.getTypeParser(type, format ?? "text"),
      } as CustomTypesConfig,
      connectionString: url,
      max: maxConnections,
      connectionTimeoutMillis: CONNECT_MS,
      statement_timeout: STATEMENT_MS,
      query_timeout: STATEMENT_MS + CONNECT_MS,
      idle_in_transaction_session_timeout: STATEMENT_MS,
      application_name: "holdfast-memory",
      allowExitOnIdle: true,
    });
    // A connection that dies while nobody uses it is made anew by the next request.
    pool.on("error", () => undefined);
    // One may die in the same moment in which it is there, before anybody could listen: an error unheard would end this process.
    pool.on("connect", (client) => client.on("error", () => undefined));
    const opened = new MemoryPool(pool, schema);
    try {
      await opened.#migrate();
    } catch (thrown) {
      await opened.close();
      throw thrown;
    }
    return opened;
  }

  /** All of it, or nothing; one at a time for each tenant (K4). */
  transact<Result>(tenant: string, work: (query: MemoryQuery) => Promise<Result>): Promise<Result> {
    return this.#within(`${BEGIN}; SET LOCAL synchronous_commit TO on`, async (query) => {
      await query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", `${this.#schema} ${tenant}`);
      return work(query);
    });
  }

  /** Changes the tables themselves: one process at a time. */
  alter(work: (query: MemoryQuery) => Promise<void>): Promise<void> {
    return this.#within(BEGIN, async (query) => {
      await query("SELECT pg_advisory_xact_lock($1)", MAKING);
      await work(query);
    });
  }

  /** One consistent view. */
  observe<Result>(look: (query: MemoryQuery) => Promise<Result>): Promise<Result> {
    return this.#within("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", look);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#pool.end();
  }

  async #within<Result>(begin: string, work: (query: MemoryQuery) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(begin, work);
      } catch (thrown) {
        if (attempt >= MAX_TRIES || !ROLLED_BACK.test(codeOf(thrown))) throw storeErrorOf(thrown);
      }
    }
  }

  async #once<Result>(begin: string, work: (query: MemoryQuery) => Promise<Result>): Promise<Result> {
    if (this.#isClosed)
      throw new RuntimeClosedError("RUNTIME_CLOSED", "The memory is closed.", { retryable: false });
    const client = await this.#pool.connect();
    let trouble: Error | undefined;
    const noteDeath = (error: Error): void => void (trouble ??= error);
    client.on("error", noteDeath);
    try {
      await client.query(begin);
      const result = await work(this.#queryOf(client));
      await client.query("COMMIT");
      return result;
    } catch (thrown) {
      await client.query("ROLLBACK").catch(noteDeath);
      throw thrown;
    } finally {
      client.off("error", noteDeath);
      client.release(trouble);
    }
  }

  #queryOf(client: PoolClient): MemoryQuery {
    return async <Row>(sql: string, ...values: readonly unknown[]) => {
      // What is quoted as a name is another's.
      const text = sql.replaceAll(/"[^"]*"|@(?=[a-z]+\b)/g, (found) =>
        found === "@" ? `${this.#schema}.` : found,
      );
      return (await client.query(text, [...values])).rows as readonly Row[];
    };
  }

  async #migrate(): Promise<void> {
    await this.alter(async (query) => {
      const [there] = await query<{ schema: string | null; format: string | null }>(
        "SELECT to_regnamespace($1) AS schema, to_regclass($2) AS format",
        this.#schema,
        `${this.#schema}.format`,
      );
      if (there?.format === null) {
        // Where the schema is there, no right to make one is needed.
        if (there.schema === null) await query(`CREATE SCHEMA ${this.#schema}`);
        await query(TABLES);
        return;
      }
      const [row] = await query<{ version: number }>("SELECT version FROM @format");
      if (row?.version === FORMAT_VERSION) return;
      throw new StoreError(
        "STORE_FORMAT_UNSUPPORTED",
        `The memory has format ${row?.version}; this version of Holdfast reads and writes format ${FORMAT_VERSION}.`,
        { hint: "Name another schema, or use the version of Holdfast that wrote it.", retryable: false },
      );
    });
  }
}

const loadPg = async (): Promise<Pick<typeof Pg, "Pool" | "types">> => {
  try {
    return (await import("pg")).default;
  } catch (cause) {
    throw new ConfigurationError("DEFINITION_INVALID", "The memory in Postgres needs a package.", {
      hint: "Run: npm install pg",
      cause,
    });
  }
};

const codeOf = (thrown: unknown): string =>
  thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";

/** What the server says is kept as the cause, and not told on: it may quote what was written. */
const storeErrorOf = (thrown: unknown): unknown => {
  if (isHoldfastError(thrown)) return thrown;
  const code = codeOf(thrown);
  return new StoreError("STORE_UNAVAILABLE", "The memory in Postgres cannot be read or written.", {
    hint: `${hintOf(code)} With a key nothing is done twice.`,
    ...(code === "" ? {} : { details: { code } }),
    cause: thrown,
  });
};

const hintOf = (code: string): string => {
  if (code === "28P01" || code === "28000") return "The server does not know this user or password.";
  if (code === "3D000") return "There is no such database.";
  if (code === "42501") return "The user may not make tables in this schema, or write to them.";
  return "Check that the server runs and is reached, and has room.";
};
