/**
 * The process in which a SQLite database is read: a statement cannot be interrupted in Node, so whoever has enough of one ends
 * the process. Only started by `SqliteDriver`.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { ToolError } from "../../core/errors.ts";
import { CutRows, toCell } from "./cut-rows.ts";
import type { SqlAnswer, SqlTable } from "./sql-driver.ts";
import { authorizerOf } from "./sqlite-authorizer.ts";
import { LIFELINE_FD, type SqliteOpening, type SqliteReply, type SqliteRequest } from "./sqlite-messages.ts";
import { namesGivenBy, refuseUnasked } from "./sqlite-unasked.ts";

type Authority = Parameters<typeof authorizerOf>[0];
type Rules = Authority["rules"];

/** SQLITE_BUSY and SQLITE_LOCKED (https://sqlite.org/rescode.html). */
const BUSY = new Set([5, 6]);
/** What leaves a transaction open that was to be committed: the same, and SQLITE_CONSTRAINT. */
const REFUSED = new Set([...BUSY, 19]);

/** Longest value, and row, that a statement may make or read: by itself SQLite would make some of a gigabyte, and hold several. */
const MAX_VALUE_BYTES = 64 * 1_024 * 1_024;

/** Where full-text search and R*Trees keep their data: the name of the table, `_` and one of these. */
const SHADOWS = [
  "data",
  "idx",
  "content",
  "docsize",
  "config",
  "segments",
  "segdir",
  "stat",
  "node",
  "rowid",
  "parent",
];

const open = ({
  path,
  isWritable,
  rules,
  busyMs,
}: SqliteOpening): { database: DatabaseSync; rules: Rules } => {
  const database = new DatabaseSync(path, {
    readOnly: !isWritable,
    timeout: busyMs,
    allowExtension: false,
    limits: { length: MAX_VALUE_BYTES },
  });
  const columns = rules?.map(
    ([table, names]) =>
      [
        table.toLowerCase(),
        names === null ? null : new Set(names.map((name) => name.toLowerCase())),
      ] as const,
  );
  return { database, rules: columns === undefined ? null : new Map(columns) };
};

type Opened = ReturnType<typeof open>;

type Run = SqliteRequest & { readonly kind: "run" };

const run = (opened: Opened, request: Run): SqlAnswer => {
  const { database, rules } = opened;
  database.setAuthorizer(null);
  if (rules !== null) refuseUnasked(request.sql, request.isWrite);
  return request.isWrite ? change(opened, request) : ask(opened, request);
};

/** All of a statement, or nothing: by themselves `INSERT OR FAIL` and triggers keep what was done before they failed. */
const change = (opened: Opened, request: Run): SqlAnswer => {
  const { database } = opened;
  database.exec("BEGIN IMMEDIATE");
  try {
    const before = countOf(database, "total_changes()");
    const answered = ask(opened, request);
    database.setAuthorizer(null);
    // What triggers changed is not counted; where nothing was changed, `changes()` is still of the statement before.
    const changed = countOf(database, "total_changes()") === before ? 0 : countOf(database, "changes()");
    commit(database);
    return { ...answered, changed };
  } catch (thrown) {
    database.setAuthorizer(null);
    if (database.isTransaction) database.exec("ROLLBACK");
    throw thrown;
  }
};

const commit = (database: DatabaseSync): void => {
  try {
    database.exec("COMMIT");
  } catch (thrown) {
    // Refused with the transaction still open, it can be taken back. Of any other end nobody knows what it left in the file.
    if (database.isTransaction && REFUSED.has(codeOf(thrown) & 0xff)) throw thrown;
    throw new CommitError(messageOf(thrown));
  }
};

class CommitError extends Error {}

const ask = (opened: Opened, request: Run): SqlAnswer => {
  const { database } = opened;
  database.setAuthorizer(authorizerOf({ ...authorityOf(opened, request.sql), isWrite: request.isWrite }));
  const statement = prepare(database, request.sql);
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  const taken = new CutRows(request);
  const params = request.params.map((param) => (typeof param === "boolean" ? Number(param) : param));
  for (const row of statement.iterate(...params)) {
    if (!Array.isArray(row)) throw new ToolError("A row is no list.");
    if (!taken.take(row.map(toCell)) && !request.isWrite) break;
  }
  return {
    columns: statement.columns().map(({ name }) => name),
    rows: taken.rows,
    cut: taken.cut,
    changed: null,
  };
};

/** The rules, with the tables in which SQLite keeps what is in allowed virtual tables, and the views that they name. */
const authorityOf = ({ database, rules }: Opened, sql: string): Pick<Authority, "rules" | "views"> => {
  if (rules === null) return { rules, views: new Set() };
  const given = namesGivenBy(sql);
  const rows = database
    .prepare(
      "SELECT name, type, rootpage = 0 AS isVirtual FROM sqlite_schema WHERE type IN ('view', 'table')",
    )
    .all();
  const tables = rows.map(({ name, type, isVirtual }) => ({
    name: String(name).toLowerCase(),
    isView: type === "view",
    isVirtual: isVirtual === 1,
  }));
  const views = tables.filter(({ name, isView }) => isView && !given.has(name)).map(({ name }) => name);
  const shadows = tables
    .filter(({ name, isVirtual, isView }) => isVirtual && !isView && rules.get(name) === null)
    .flatMap(({ name }) => SHADOWS.map((part) => [`${name}_${part}`, null] as const));
  return {
    rules: new Map([...rules, ...shadows.filter(([name]) => !rules.has(name))]),
    views: new Set(views),
  };
};

const prepare = (database: DatabaseSync, sql: string): StatementSync => {
  const statement = database.prepare(sql);
  // What stands behind the first statement was not compiled, and would be forgotten without a word.
  const rest = sql.slice(statement.sourceSQL.length).replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\//g, "");
  if (rest.replaceAll(";", "").trim() !== "")
    throw new ToolError("There is more than one statement; give one at a time.");
  return statement;
};

const countOf = (database: DatabaseSync, count: "changes()" | "total_changes()"): number =>
  Number(database.prepare(`SELECT ${count} AS count`).get()?.["count"] ?? 0);

const tablesOf = ({ database, rules }: Opened): readonly SqlTable[] => {
  database.setAuthorizer(null);
  const rows = database
    .prepare("SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name")
    .all();
  return rows.flatMap(({ name, type }): readonly SqlTable[] => {
    const table = String(name);
    const allowed = rules?.get(table.toLowerCase());
    if (table.toLowerCase().startsWith("sqlite_") || (rules !== null && allowed === undefined)) return [];
    return [
      describe(database, { table, kind: type === "view" ? "view" : "table", allowed: allowed ?? null }),
    ];
  });
};

const describe = (
  database: DatabaseSync,
  {
    table,
    kind,
    allowed,
  }: {
    readonly table: string;
    readonly kind: SqlTable["kind"];
    readonly allowed: ReadonlySet<string> | null;
  },
): SqlTable => {
  const isSeen = (column: unknown): boolean => allowed === null || allowed.has(String(column).toLowerCase());
  const columns = database
    .prepare('SELECT name, type, "notnull" AS required, pk FROM pragma_table_info(?)')
    .all(table)
    .filter(({ name }) => isSeen(name));
  const references = database
    .prepare('SELECT "from" AS source, "table" AS target, "to" AS key FROM pragma_foreign_key_list(?)')
    .all(table)
    .filter(({ source }) => isSeen(source));
  return {
    name: table,
    kind,
    columns: columns.map(({ name, type, required, pk }) => ({
      name: String(name),
      type: String(type),
      isNullable: required === 0 && pk === 0,
    })),
    primaryKey: columns.filter(({ pk }) => Number(pk) > 0).map(({ name }) => String(name)),
    references: references.map(
      ({ source, target, key }) =>
        `${String(source)} → ${String(target)}${key === null ? "" : `.${String(key)}`}`,
    ),
  };
};

const answer = (opened: Opened, request: SqliteRequest): SqliteReply => {
  try {
    if (request.kind === "tables") return { kind: "tables", tables: tablesOf(opened) };
    return { kind: "answer", answer: run(opened, request) };
  } catch (thrown) {
    const isBusy = BUSY.has(codeOf(thrown) & 0xff);
    const isKnown = !(thrown instanceof CommitError);
    return { kind: "error", message: messageOf(thrown), isBusy, isUndone: isKnown };
  }
};

const codeOf = (thrown: unknown): number =>
  typeof thrown === "object" && thrown !== null && "errcode" in thrown ? Number(thrown.errcode) : 0;

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** Ends this process with the one that started it, also in the middle of a statement that holds up everything else. */
const watchParent = (): void => {
  const source = `
    const { readSync } = require("node:fs");
    try { readSync(${LIFELINE_FD}, Buffer.alloc(1)); } catch {}
    process.kill(process.pid, "SIGKILL");`;
  new Worker(source, { eval: true }).unref();
};

const serve = (): void => {
  watchParent();
  let opened: Opened | null = null;
  process.on("message", (message: { readonly open: SqliteOpening; readonly request: SqliteRequest }) => {
    let reply: SqliteReply;
    try {
      opened ??= open(message.open);
      reply = answer(opened, message.request);
    } catch (thrown) {
      reply = { kind: "error", message: messageOf(thrown), isBusy: false, isUndone: true };
    }
    // What could not be taken back is, when its connection is closed.
    if (opened?.database.isTransaction === true) {
      opened.database.close();
      opened = null;
    }
    process.send?.(reply);
  });
  process.once("disconnect", () => process.exit(0));
};

// Nothing is begun where only a type is wanted.
if (process.argv.includes("--holdfast-sqlite-host")) serve();
