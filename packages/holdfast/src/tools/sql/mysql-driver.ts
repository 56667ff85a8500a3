import { readFile } from "node:fs/promises";
import type { Connection, ConnectionOptions, SslOptions, TypedParameter as Typed } from "mysql2";
import { ConfigurationError, ToolError } from "../../core/errors.ts";
import { untilAborted } from "../../definitions/until-aborted.ts";
import { checkPrivileges, tablesOf } from "./mysql-catalog.ts";
import { MysqlConnection } from "./mysql-connection.ts";
import { hintOf, toError } from "./mysql-errors.ts";
import { runStatement } from "./mysql-rows.ts";
import { readMysqlUrl, type MysqlAddress, type MysqlTls } from "./mysql-url.ts";
import { SqlConnections } from "./sql-connections.ts";
import type { SqlAnswer, SqlDriver, SqlStatement, SqlTable, TableRules } from "./sql-driver.ts";

export type MysqlOptions = {
  readonly owner: string;
  /** `mysql://user:password@host:port/database`, or `mariadb://…`. */
  readonly url: string;
  readonly isWritable: boolean;
  readonly rules: TableRules;
  readonly maxConnections: number;
};

/** After its limit the server ends a statement by itself, should this process not come to it. */
const SERVER_GRACE_MS = 1_000;
const MIB = 1_024 * 1_024;

type Package = {
  readonly createConnection: (options: ConnectionOptions) => Connection;
  readonly TypedParameter: typeof Typed;
};
type Loaded = { readonly connections: SqlConnections<MysqlConnection>; readonly exact: typeof Typed };
type Mode = "READ ONLY" | "READ WRITE";
type Work<Result> = (connection: MysqlConnection, exact: typeof Typed) => Promise<Result>;
type Limits = {
  readonly mode: Mode;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Rows after which the server ends a SELECT, where that does not say another LIMIT. */
  readonly maxRows: number | null;
};

/** How far a transaction has come. */
type Progress<Result> = {
  hasBegun: boolean;
  isUndone: boolean;
  answer: { readonly value: Result } | null;
  isClean: boolean;
};

/** A MySQL or MariaDB database, by a few connections and the rights of the user that the URL names. */
export class MysqlDriver implements SqlDriver {
  readonly name: string;
  readonly #options: MysqlOptions;
  readonly #address: MysqlAddress;
  #loaded: Promise<Loaded> | null = null;
  #connections: SqlConnections<MysqlConnection> | null = null;
  #isChecked = false;

  /** @throws ConfigurationError for what is not known in its URL. */
  constructor(options: MysqlOptions) {
    this.#options = options;
    this.#address = readMysqlUrl(options.owner, options.url);
    const { host, port, socketPath, database } = this.#address;
    const brand = options.url.startsWith("mariadb") ? "MariaDB" : "MySQL";
    this.name = `${brand} database ${database ?? ""} at ${socketPath ?? `${host ?? ""}:${port ?? ""}`}`;
  }

  tables(signal: AbortSignal): Promise<readonly SqlTable[]> {
    return this.#within({ mode: "READ ONLY", signal, timeoutMs: 30_000, maxRows: null }, (connection) =>
      tablesOf(connection, this.#options.rules),
    );
  }

  read(statement: SqlStatement): Promise<SqlAnswer> {
    return this.#within({ ...statement, mode: "READ ONLY" }, (connection, exact) =>
      runStatement(connection, { statement, isWrite: false, exact }),
    );
  }

  write(statement: SqlStatement): Promise<SqlAnswer> {
    return this.#within({ ...statement, mode: "READ WRITE", maxRows: null }, (connection, exact) =>
      runStatement(connection, { statement, isWrite: true, exact }),
    );
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

  async #within<Result>(limits: Limits, work: Work<Result>): Promise<Result> {
    const { mode, signal } = limits;
    const { connections, exact } = await this.#load();
    const connection = await connections.take(signal);
    const progress: Progress<Result> = { hasBegun: false, isUndone: false, answer: null, isClean: false };
    try {
      const transaction = connection.untilEnded(
        this.#transact(connection, { ...limits, progress }, () => work(connection, exact)),
      );
      if ((await untilAborted(signal, transaction)) === "aborted") await connection.cancel(transaction);
      return await transaction;
    } catch (thrown) {
      // What was committed is told, whatever became of the connection after that.
      if (progress.answer !== null) return progress.answer.value;
      const mayHaveActed = progress.hasBegun && mode === "READ WRITE" && !progress.isUndone;
      throw toError(thrown, { name: this.name, mayHaveActed, signal });
    } finally {
      connections.give(connection, progress.isClean && !signal.aborted);
    }
  }

  async #transact<Result>(
    connection: MysqlConnection,
    { mode, timeoutMs, maxRows, signal, progress }: Limits & { readonly progress: Progress<Result> },
    work: () => Promise<Result>,
  ): Promise<Result> {
    connection.allow(64 * MIB);
    if (!this.#isChecked) await checkPrivileges(connection, { name: this.name, ...this.#options });
    this.#isChecked = true;
    await connection.ask(settings({ timeoutMs: timeoutMs + SERVER_GRACE_MS, maxRows }));
    // Should anything end the transaction, what comes after it could not write either.
    if (mode === "READ ONLY") await connection.ask("SET SESSION TRANSACTION READ ONLY");
    await connection.ask(`START TRANSACTION ${mode}`);
    this.#checkGoesOn(signal);
    progress.hasBegun = true;
    try {
      const value = await work();
      this.#checkGoesOn(signal);
      if (mode === "READ WRITE") await commit(connection);
      progress.answer = { value };
    } catch (thrown) {
      progress.isUndone = await isUndone(connection, thrown);
      throw thrown;
    }
    // A read that was stopped early may have its end arrive at the next statement: what does not answer here is not used again.
    progress.isClean = await connection
      .ask("ROLLBACK")
      .then(() => connection.reset())
      .then(
        () => true,
        () => false,
      );
    return progress.answer.value;
  }

  #checkGoesOn(signal: AbortSignal): void {
    if (signal.aborted) throw new ToolError(`${this.name}: it was told to stop.`, { executed: false });
  }

  #load(): Promise<Loaded> {
    this.#loaded ??= Promise.all([load(), tlsOf(this.#address.tls)]).then(
      ([{ createConnection, TypedParameter }, ssl]) => {
        const { tls: _, ...address } = this.#address;
        const make = (connectTimeout: number): Connection =>
          createConnection({ ...address, ...USUAL, ...(ssl === null ? {} : { ssl }), connectTimeout });
        this.#connections = new SqlConnections({
          name: this.name,
          max: this.#options.maxConnections,
          hintOf,
          make: (onEnd) => new MysqlConnection({ name: this.name, make, onEnd }),
        });
        return { connections: this.#connections, exact: TypedParameter };
      },
    );
    return this.#loaded;
  }
}

/** No file of this machine is sent to a server that asks for one; what JSON does not hold exactly is text. */
const USUAL: ConnectionOptions = {
  flags: ["-LOCAL_FILES"],
  multipleStatements: false,
  rowsAsArray: true,
  supportBigNumbers: true,
  dateStrings: true,
  jsonStrings: true,
  charset: "utf8mb4",
};

/** What one of the two servers does not know is a comment to it. */
const settings = ({ timeoutMs, maxRows }: Pick<Limits, "timeoutMs" | "maxRows">): string =>
  `SET SESSION sql_select_limit = ${maxRows === null ? "DEFAULT" : maxRows + 1}` +
  ` /*M!100101 , max_statement_time = ${timeoutMs / 1_000} */ /*!80000 , max_execution_time = ${timeoutMs} */`;

/** A commit that was answered with anything else than a rollback may have happened. */
class CommitError extends ToolError {}

const commit = async (connection: MysqlConnection): Promise<void> => {
  try {
    await connection.ask("COMMIT");
  } catch (cause) {
    const state = cause instanceof Error && "sqlState" in cause ? String(cause.sqlState) : "";
    if (state.startsWith("40")) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new CommitError(`Nobody knows whether the change was committed: ${message}`, { cause });
  }
};

/** Whether nothing is left of a transaction; the server warns where a table of it knows no transactions (Q6). */
const isUndone = async (connection: MysqlConnection, thrown: unknown): Promise<boolean> => {
  if (thrown instanceof CommitError) return false;
  try {
    const { warningStatus } = await connection.ask("ROLLBACK");
    return warningStatus === 0;
  } catch {
    return false;
  }
};

const tlsOf = async (tls: MysqlTls | null): Promise<SslOptions | null> => {
  if (tls === null) return null;
  const parts = await Promise.all(
    Object.entries(tls.files).map(async ([part, file]) => [part, await read(file)] as const),
  );
  return {
    ...Object.fromEntries(parts),
    rejectUnauthorized: tls.mode !== "REQUIRED",
    verifyIdentity: tls.mode === "VERIFY_IDENTITY",
  };
};

const read = async (file: string): Promise<string> => {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new ConfigurationError("DEFINITION_INVALID", `sqlTools cannot read the file ${file} for TLS.`, {
      hint: "Look at ssl-ca, ssl-cert and ssl-key in the URL of the database.",
      cause,
    });
  }
};

const load = async (): Promise<Package> => {
  try {
    const { default: mysql } = await import("mysql2");
    return mysql;
  } catch (cause) {
    throw new ConfigurationError(
      "DEFINITION_INVALID",
      "sqlTools needs the package mysql2 to talk to MySQL and MariaDB.",
      { hint: "Run: npm install mysql2", cause },
    );
  }
};
