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

type Rules = Parameters<typeof authorizerOf>[0];

/** SQLITE_BUSY and SQLITE_LOCKED (https://sqlite.org/rescode.html). */
const BUSY = new Set([5, 6]);

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

const run = ({ database, rules }: Opened, request: SqliteRequest & { kind: "run" }): SqlAnswer => {
  database.setAuthorizer(authorizerOf(rules, request.isWrite));
  const statement = prepare(database, request.sql);
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  const taken = new CutRows(request);
  const params = request.params.map((param) => (typeof param === "boolean" ? Number(param) : param));
  const before = changesOf(database, request.isWrite);
  for (const row of statement.iterate(...params)) {
    if (!Array.isArray(row)) throw new ToolError("A row is no list.");
    if (!taken.take(row.map(toCell)) && !request.isWrite) break;
  }
  return {
    columns: statement.columns().map(({ name }) => name),
    rows: taken.rows,
    cut: taken.cut,
    changed: before === null ? null : (changesOf(database, true) ?? 0) - before,
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

const changesOf = (database: DatabaseSync, isWrite: boolean): number | null => {
  if (!isWrite) return null;
  database.setAuthorizer(null);
  return Number(database.prepare("SELECT total_changes() AS changes").get()?.["changes"] ?? 0);
};

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
    // A statement of SQLite is all or nothing, so one that failed has done nothing.
    return { kind: "error", message: messageOf(thrown), isBusy, executed: false };
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
      reply = { kind: "error", message: messageOf(thrown), isBusy: false, executed: false };
    }
    process.send?.(reply);
  });
  process.once("disconnect", () => process.exit(0));
};

// Nothing is begun where only a type is wanted.
if (process.argv.includes("--holdfast-sqlite-host")) serve();
