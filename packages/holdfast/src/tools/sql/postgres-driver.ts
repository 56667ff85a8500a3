import type PgCursor from "pg-cursor";
import type { Client as PgClient } from "pg";
import { ConfigurationError, ToolError } from "../../core/errors.ts";
import { untilAborted } from "../../definitions/until-aborted.ts";
import { checkPrivileges, tablesOf } from "./postgres-catalog.ts";
import type { SqlAnswer, SqlDriver, SqlStatement, SqlTable, TableRules } from "./sql-driver.ts";
import { PostgresConnection } from "./postgres-connection.ts";
import { fetchRows } from "./postgres-rows.ts";
import { SqlConnections } from "./sql-connections.ts";

export type PostgresOptions = {
  /** A connection URL, as libpq has it. */
  readonly url: string;
  readonly isWritable: boolean;
  readonly rules: TableRules;
  readonly maxConnections: number;
};

/** After its limit the server ends a statement by itself, should this process not come to it. */
const SERVER_GRACE_MS = 1_000;
const MIB = 1_024 * 1_024;
/** How long a server may take to let somebody in. */
const CONNECT_MS = 10_000;
/** Of an error's text, which a statement can make as long as it likes. */
const MESSAGE_CHARS = 2_000;

type Loaded = { readonly connections: SqlConnections<PostgresConnection>; readonly Cursor: typeof PgCursor };
type Mode = "READ ONLY" | "READ WRITE";
type Work<Result> = (connection: PostgresConnection, Cursor: Loaded["Cursor"]) => Promise<Result>;
type Limits = { readonly mode: Mode; readonly signal: AbortSignal; readonly timeoutMs: number };

/** How far a transaction has come. */
type Progress<Result> = {
  hasBegun: boolean;
  isCommitting: boolean;
  answer: { readonly value: Result } | null;
  isClean: boolean;
};

/** A Postgres database, by a few connections and the rights of the role that the URL names. */
export class PostgresDriver implements SqlDriver {
  readonly name: string;
  readonly #options: PostgresOptions;
  #loaded: Promise<Loaded> | null = null;
  #connections: SqlConnections<PostgresConnection> | null = null;
  #isChecked = false;

  constructor(options: PostgresOptions) {
    this.#options = options;
    this.name = `Postgres database ${databaseOf(options.url)}`;
  }

  tables(signal: AbortSignal): Promise<readonly SqlTable[]> {
    return this.#within({ mode: "READ ONLY", signal, timeoutMs: 30_000 }, ({ client }) =>
      tablesOf(client, this.#options.rules),
    );
  }

  read(statement: SqlStatement): Promise<SqlAnswer> {
    return this.#run(statement, "READ ONLY");
  }

  write(statement: SqlStatement): Promise<SqlAnswer> {
    return this.#run(statement, "READ WRITE");
  }

  held(): { readonly [kind: string]: number } {
    return { sockets: this.#connections?.count ?? 0 };
  }

  async close(): Promise<void> {
    const loaded = this.#loaded?.catch(() => null);
    this.#loaded = null;
    this.#isChecked = false;
    await (await loaded)?.connections.close();
  }

  #run(statement: SqlStatement, mode: Mode): Promise<SqlAnswer> {
    return this.#within({ ...statement, mode }, (connection, Cursor) =>
      fetchRows(connection.client, Cursor, {
        statement,
        isWrite: mode === "READ WRITE",
        onBatch: () => connection.allow(16 * MIB + 4 * statement.maxChars),
      }),
    );
  }

  async #within<Result>(limits: Limits, work: Work<Result>): Promise<Result> {
    const { mode, signal } = limits;
    const { connections, Cursor } = await this.#load();
    const connection = await connections.take(signal);
    const progress: Progress<Result> = { hasBegun: false, isCommitting: false, answer: null, isClean: false };
    try {
      const transaction = connection.untilEnded(
        this.#transact(connection, { ...limits, progress }, () => work(connection, Cursor)),
      );
      if ((await untilAborted(signal, transaction)) === "aborted") await connection.cancel(transaction);
      return await transaction;
    } catch (thrown) {
      // What was committed is told, whatever became of the connection after that.
      if (progress.answer !== null) return progress.answer.value;
      if (progress.isCommitting && thrown instanceof ToolError) throw new ToolError(thrown.message);
      throw this.#toError(thrown, { mayHaveActed: progress.hasBegun && mode === "READ WRITE", signal });
    } finally {
      connections.give(connection, progress.isClean && !signal.aborted);
    }
  }

  async #transact<Result>(
    connection: PostgresConnection,
    { mode, timeoutMs, signal, progress }: Limits & { readonly progress: Progress<Result> },
    work: () => Promise<Result>,
  ): Promise<Result> {
    const { client } = connection;
    connection.allow(64 * MIB);
    if (!this.#isChecked) await checkPrivileges(client, { name: this.name, ...this.#options });
    this.#isChecked = true;
    await client.query(`BEGIN ${mode}`);
    await client.query("SELECT set_config('statement_timeout', $1, true)", [
      String(timeoutMs + SERVER_GRACE_MS),
    ]);
    if (signal.aborted) throw new ToolError(`${this.name}: it was told to stop.`, { executed: false });
    progress.hasBegun = true;
    const value = await work();
    if (signal.aborted) throw new ToolError(`${this.name}: it was told to stop.`, { executed: false });
    progress.isCommitting = mode === "READ WRITE";
    await client.query(mode === "READ ONLY" ? "ROLLBACK" : "COMMIT");
    progress.answer = { value };
    // Whatever a statement has left in the connection is not for the next one: settings, locks, plans.
    progress.isClean = await client.query("DISCARD ALL").then(
      () => true,
      () => false,
    );
    return value;
  }

  #load(): Promise<Loaded> {
    this.#loaded ??= load().then(({ Client, Cursor }) => {
      const { url, maxConnections: max } = this.#options;
      this.#connections = new SqlConnections({
        name: this.name,
        max,
        make: (onEnd) => {
          const client = new Client({
            connectionString: url,
            connectionTimeoutMillis: CONNECT_MS,
            keepAlive: true,
          });
          client.once("end", onEnd);
          return new PostgresConnection(client, this.name);
        },
      });
      return { connections: this.#connections, Cursor };
    });
    return this.#loaded;
  }

  /** What the server refused was undone with its transaction; what became of a cut commit nobody knows (Q6). */
  #toError(
    thrown: unknown,
    { mayHaveActed, signal }: { readonly mayHaveActed: boolean; readonly signal: AbortSignal },
  ): Error {
    if (thrown instanceof ToolError || thrown instanceof ConfigurationError) return thrown;
    // Anything worse than an ERROR ends the connection, perhaps after a commit that nobody has heard of.
    const isAnswer = thrown instanceof Error && "severity" in thrown;
    const isRefused = isAnswer && thrown.severity === "ERROR";
    const code = isAnswer && "code" in thrown ? String(thrown.code) : "";
    const message = (thrown instanceof Error ? thrown.message : String(thrown)).slice(0, MESSAGE_CHARS);
    const executed = mayHaveActed && !isRefused ? {} : { executed: false };
    if (signal.aborted)
      return new ToolError(`${this.name}: the statement was told to stop, and was stopped.`, executed);
    return new ToolError(`${this.name}: ${message}${code === "" ? "" : ` (SQLSTATE ${code})`}`, {
      ...executed,
      retryable: !isRefused || PASSING.test(code),
      cause: thrown,
    });
  }
}

/** Classes of SQLSTATE that another try may get past: connections, resources, operator, deadlocks, serialisation. */
const PASSING = /^(08|53|57P|40001|40P01|55P03)/;

const load = async (): Promise<{ readonly Client: typeof PgClient; readonly Cursor: typeof PgCursor }> => {
  try {
    const [{ default: pg }, { default: Cursor }] = await Promise.all([import("pg"), import("pg-cursor")]);
    return { Client: pg.Client, Cursor };
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
