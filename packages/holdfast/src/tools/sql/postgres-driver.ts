import type PgCursor from "pg-cursor";
import type { Pool, PoolClient, PoolConfig } from "pg";
import { ConfigurationError, ToolError } from "../../core/errors.ts";
import { checkPrivileges, tablesOf } from "./postgres-catalog.ts";
import type { SqlAnswer, SqlDriver, SqlStatement, SqlTable, TableRules } from "./sql-driver.ts";
import { fetchRows } from "./postgres-rows.ts";
import { untilAborted } from "./until-aborted.ts";

export type PostgresOptions = {
  /** A connection URL, as libpq has it. */
  readonly url: string;
  readonly isWritable: boolean;
  readonly rules: TableRules;
  readonly maxConnections: number;
};

/** After its limit the server ends a statement by itself, should this process not come to it. */
const SERVER_GRACE_MS = 1_000;

type Loaded = { readonly pool: Pool; readonly Cursor: typeof PgCursor };
type Mode = "READ ONLY" | "READ WRITE";

/** A Postgres database, by a pool of connections and the rights of the role that the URL names. */
export class PostgresDriver implements SqlDriver {
  readonly name: string;
  readonly #options: PostgresOptions;
  #loaded: Promise<Loaded> | null = null;
  #pool: Pool | null = null;
  #checked: Promise<void> | null = null;

  constructor(options: PostgresOptions) {
    this.#options = options;
    this.name = `Postgres database ${databaseOf(options.url)}`;
  }

  tables(signal: AbortSignal): Promise<readonly SqlTable[]> {
    return this.#within({ mode: "READ ONLY", signal, timeoutMs: 30_000 }, async (client) =>
      tablesOf(client, this.#options.rules),
    );
  }

  read(statement: SqlStatement): Promise<SqlAnswer> {
    return this.#within({ ...statement, mode: "READ ONLY" }, (client, Cursor) =>
      fetchRows(client, Cursor, { statement, isWrite: false, onBatch: () => undefined }),
    );
  }

  write(statement: SqlStatement): Promise<SqlAnswer> {
    return this.#within({ ...statement, mode: "READ WRITE" }, (client, Cursor) =>
      fetchRows(client, Cursor, { statement, isWrite: true, onBatch: () => undefined }),
    );
  }

  held(): { readonly [kind: string]: number } {
    return { sockets: this.#pool?.totalCount ?? 0 };
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#loaded = null;
    this.#pool = null;
    this.#checked = null;
    await pool?.end();
  }

  async #within<Result>(
    {
      mode,
      signal,
      timeoutMs,
    }: { readonly mode: Mode; readonly signal: AbortSignal; readonly timeoutMs: number },
    work: (client: PoolClient, Cursor: Loaded["Cursor"]) => Promise<Result>,
  ): Promise<Result> {
    const { Cursor } = await this.#load();
    const client = await this.#connect(signal);
    let isUnusable = true;
    let hasBegun = false;
    try {
      await this.#check(client);
      await client.query(`BEGIN ${mode}`);
      await client.query("SELECT set_config('statement_timeout', $1, true)", [
        String(timeoutMs + SERVER_GRACE_MS),
      ]);
      hasBegun = true;
      const result = await untilAborted(signal, work(client, Cursor));
      if (result === "aborted") throw await this.#cancel(client, mode);
      await client.query(mode === "READ ONLY" ? "ROLLBACK" : "COMMIT");
      // Whatever a statement has left in the connection is not for the next one: settings, locks, plans.
      await client.query("DISCARD ALL");
      isUnusable = false;
      return result;
    } catch (thrown) {
      throw this.#toError(thrown, hasBegun && mode === "READ WRITE");
    } finally {
      client.release(isUnusable);
    }
  }

  /** Ends the statement in the server; the transaction it was in ends with its connection, undone. */
  async #cancel(client: PoolClient, mode: Mode): Promise<ToolError> {
    const { pool } = await this.#load();
    const { processID } = client as PoolClient & { readonly processID: number };
    await pool.query("SELECT pg_terminate_backend($1)", [processID]).catch(() => undefined);
    return new ToolError(
      `${this.name}: the statement was told to stop, and was stopped.`,
      mode === "READ ONLY" ? { executed: false } : {},
    );
  }

  async #connect(signal: AbortSignal): Promise<PoolClient> {
    const { pool } = await this.#load();
    const connecting = pool.connect();
    const client = await untilAborted(signal, connecting).catch((thrown: unknown) => {
      throw unreachable(this.name, thrown);
    });
    if (client === "aborted") {
      void connecting.then((late) => late.release()).catch(() => undefined);
      throw new ToolError(`${this.name} had no connection to spare.`, { executed: false });
    }
    return client;
  }

  /** Asked of each new pool once, however many connect at the same time. */
  async #check(client: PoolClient): Promise<void> {
    const checking = (this.#checked ??= checkPrivileges(client, { name: this.name, ...this.#options }));
    try {
      await checking;
    } catch (thrown) {
      if (this.#checked === checking) this.#checked = null;
      throw thrown;
    }
  }

  #load(): Promise<Loaded> {
    this.#loaded ??= load({
      connectionString: this.#options.url,
      max: this.#options.maxConnections + 1,
    }).then((loaded) => {
      this.#pool = loaded.pool;
      // A connection that breaks is replaced when one is needed: whoever uses it is told by what they asked, and an
      // event that nobody listens to would end this process.
      loaded.pool.on("error", () => undefined);
      loaded.pool.on("connect", (client) => client.on("error", () => undefined));
      return loaded;
    });
    return this.#loaded;
  }

  /** What the server refused was undone with its transaction; what became of a cut commit nobody knows (Q6). */
  #toError(thrown: unknown, mayHaveActed: boolean): Error {
    if (thrown instanceof ToolError || thrown instanceof ConfigurationError) return thrown;
    // Anything worse than an ERROR ends the connection, perhaps after a commit that nobody has heard of.
    const isAnswer = thrown instanceof Error && "severity" in thrown;
    const isRefused = isAnswer && thrown.severity === "ERROR";
    const code = isAnswer && "code" in thrown ? String(thrown.code) : "";
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const executed = mayHaveActed && !isRefused ? {} : { executed: false };
    return new ToolError(`${this.name}: ${message}${code === "" ? "" : ` (SQLSTATE ${code})`}`, {
      ...executed,
      retryable: !isRefused || PASSING.test(code),
      cause: thrown,
    });
  }
}

/** Classes of SQLSTATE that another try may get past: connections, resources, operator, deadlocks, serialisation. */
const PASSING = /^(08|53|57P|40001|40P01|55P03)/;

const load = async (config: PoolConfig): Promise<Loaded> => {
  try {
    const [{ default: pg }, { default: Cursor }] = await Promise.all([import("pg"), import("pg-cursor")]);
    return { pool: new pg.Pool(config), Cursor };
  } catch (cause) {
    throw new ConfigurationError("DEFINITION_INVALID", "sqlTools needs two packages to talk to Postgres.", {
      hint: "Run: npm install pg pg-cursor",
      cause,
    });
  }
};

const databaseOf = (url: string): string => {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  return parsed === null ? "" : `${parsed.pathname.slice(1)} at ${parsed.host}`;
};

const unreachable = (name: string, cause: unknown): ToolError =>
  new ToolError(`${name} cannot be reached: ${cause instanceof Error ? cause.message : String(cause)}`, {
    executed: false,
    cause,
  });
