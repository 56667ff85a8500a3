import { ConfigurationError } from "../../core/errors.ts";
import type { JsonValue } from "../../core/json.ts";
import { toFailure } from "../../core/failure.ts";
import { defineTool, type DefinedTool } from "../../definitions/define-tool.ts";
import { checkOptions, positiveInteger } from "../../definitions/known-options.ts";
import type { ApprovalRule } from "../../definitions/approval-rule.ts";
import type { ToolContext } from "../../ports/tool.ts";
import type { ToolResource } from "../../ports/tool-resource.ts";
import { MysqlDriver } from "./mysql-driver.ts";
import { isMysqlUrl } from "./mysql-url.ts";
import { PostgresDriver } from "./postgres-driver.ts";
import { describeTables } from "./describe-tables.ts";
import type { SqlAnswer, SqlDriver, SqlParam, SqlStatement, TableRules } from "./sql-driver.ts";
import { SqliteDriver } from "./sqlite-driver.ts";

/** Which database: a file, or a URL with the role or user whose rights its statements have. */
export type SqlConnection =
  | { readonly sqlite: string }
  | { readonly postgres: string }
  /** MySQL and MariaDB: `mysql://` or `mariadb://`. */
  | { readonly mysql: string };

export type SqlToolsOptions = {
  /** What the tools' names begin with; `database` by default. */
  readonly name?: string;
  /** What may be seen: names of tables and views, or of single columns of one. All of them by default. */
  readonly tables?: readonly (string | { readonly name: string; readonly columns: readonly string[] })[];
  /** Also gives a tool that changes data; without it the database is only read. */
  readonly write?: boolean;
  /** Whether somebody has to approve a statement that changes data; yes by default. */
  readonly needsApproval?: ApprovalRule<{ readonly sql: string; readonly params?: readonly SqlParam[] }>;
  /** Rows of one answer; 200 by default. */
  readonly maxRows?: number;
  /** Characters of one answer, as JSON; 50,000 by default. */
  readonly maxChars?: number;
  /** Longest time of one statement, which is ended in the database then; 15 s by default. */
  readonly timeoutMs?: number;
  /** Statements at the same time; 4 by default. */
  readonly maxConnections?: number;
};

const KNOWN = [
  "name",
  "tables",
  "write",
  "needsApproval",
  "maxRows",
  "maxChars",
  "timeoutMs",
  "maxConnections",
];

type Settings = { readonly name: string } & Pick<SqlStatement, "maxRows" | "maxChars" | "timeoutMs">;

/**
 * Tools that look into a database: `NAME_schema`, `NAME_query` and, with `write`, `NAME_execute`. What is read-only is so by the
 * database's own means, never by what a statement looks like; values go as parameters.
 *
 * @throws ConfigurationError when an option cannot be used.
 */
export const sqlTools = (
  connection: SqlConnection,
  options: SqlToolsOptions = {},
): readonly DefinedTool[] => {
  const { name = "database", write = false, needsApproval = true } = options;
  const owner = `sqlTools "${name}"`;
  checkOptions(options, { owner, known: KNOWN, later: [] });
  const number = (key: "maxRows" | "maxChars" | "timeoutMs" | "maxConnections", usual: number): number =>
    positiveInteger(owner, key, options[key] ?? usual);
  const settings: Settings = {
    name,
    maxRows: number("maxRows", 200),
    maxChars: number("maxChars", 50_000),
    timeoutMs: number("timeoutMs", 15_000),
  };
  const driver = driverOf(connection, {
    owner,
    isWritable: write,
    rules: rulesOf(options.tables),
    maxConnections: number("maxConnections", 4),
  });
  const resource = resourceOf(driver);
  const reading = [schemaTool(driver, { settings, resource }), queryTool(driver, { settings, resource })];
  return write ? [...reading, executeTool(driver, { settings, resource, needsApproval })] : reading;
};

const rulesOf = (tables: SqlToolsOptions["tables"]): TableRules =>
  tables === undefined
    ? null
    : new Map(
        tables.map((table) =>
          typeof table === "string"
            ? [table.toLowerCase(), null]
            : [table.name.toLowerCase(), new Set(table.columns.map((column) => column.toLowerCase()))],
        ),
      );

type DriverOptions = {
  readonly owner: string;
  readonly isWritable: boolean;
  readonly rules: TableRules;
  readonly maxConnections: number;
};

const driverOf = (connection: SqlConnection, { owner, ...options }: DriverOptions): SqlDriver => {
  if ("sqlite" in connection && typeof connection.sqlite === "string" && connection.sqlite !== "")
    return new SqliteDriver({ path: connection.sqlite, ...options });
  if ("postgres" in connection && URL.canParse(connection.postgres))
    return new PostgresDriver({ url: connection.postgres, ...options });
  if ("mysql" in connection && isMysqlUrl(connection.mysql))
    return new MysqlDriver({ url: connection.mysql, owner, ...options });
  throw new ConfigurationError("OPTION_INVALID", `${owner}: the connection names no database.`, {
    hint: 'Give { sqlite: "path/to/file.db" }, { postgres: "postgres://role:password@host/database" } or { mysql: "mysql://user:password@host/database" }.',
  });
};

const resourceOf = (driver: SqlDriver): ToolResource => ({
  name: driver.name,
  held: () => driver.held(),
  // Nothing is held for one session: a statement is a transaction of its own.
  rest: async () => undefined,
  close: () => driver.close(),
  check: async (signal) => {
    try {
      await driver.tables(signal);
      return null;
    } catch (thrown) {
      return toFailure(thrown);
    }
  },
});

type Parts = { readonly settings: Settings; readonly resource: ToolResource };

const schemaTool = (driver: SqlDriver, { settings, resource }: Parts): DefinedTool =>
  defineTool()({
    name: `${settings.name}_schema`,
    description: "The tables of the database, with their columns, keys and what they refer to.",
    inputSchema: { type: "object", properties: {}, additionalProperties: false },
    effect: "read",
    timeoutMs: settings.timeoutMs,
    resource,
    execute: async (_, { signal }) => describeTables(await driver.tables(signal)),
  });

const statementSchema = (about: string) =>
  ({
    type: "object",
    properties: {
      sql: { type: "string", minLength: 1, maxLength: 20_000, description: about },
      params: {
        type: "array",
        maxItems: 1_000,
        items: { type: ["string", "number", "boolean", "null"] },
        description: "Values for the placeholders, in their order.",
      },
    },
    required: ["sql"],
    additionalProperties: false,
  }) as const;

type StatementInput = { readonly sql: string; readonly params?: readonly SqlParam[] };

const statementOf = (input: JsonValue, settings: Settings, { signal }: ToolContext): SqlStatement => {
  // Its schema has let it through.
  const { sql, params = [] } = input as StatementInput;
  return { sql, params, ...settings, signal };
};

const shown = ({ columns, rows, cut, changed }: SqlAnswer): JsonValue => ({
  ...(changed === null ? {} : { changedRows: changed }),
  ...(columns.length === 0 ? {} : { columns, rows }),
  ...(cut === null ? {} : { cut: `Cut ${cut}` }),
});

const placeholders = (driver: SqlDriver): string =>
  driver instanceof PostgresDriver ? "$1, $2, …" : "?, ?, …";

const queryTool = (driver: SqlDriver, { settings, resource }: Parts): DefinedTool =>
  defineTool()({
    name: `${settings.name}_query`,
    description: `Reads from the database with one SQL statement and answers with at most ${settings.maxRows} rows. Nothing can be changed by it.`,
    inputSchema: statementSchema(
      `One SELECT statement. Values go into params, with ${placeholders(driver)} in their place.`,
    ),
    effect: "read",
    timeoutMs: settings.timeoutMs,
    resource,
    execute: async (input, context) => shown(await driver.read(statementOf(input, settings, context))),
  });

const executeTool = (
  driver: SqlDriver,
  {
    settings,
    resource,
    needsApproval,
  }: Parts & { readonly needsApproval: NonNullable<SqlToolsOptions["needsApproval"]> },
): DefinedTool =>
  defineTool()({
    name: `${settings.name}_execute`,
    description:
      "Changes data in the database with one SQL statement, all of it or nothing. Says how many rows were changed.",
    inputSchema: statementSchema(
      `One INSERT, UPDATE or DELETE statement. Values go into params, with ${placeholders(driver)} in their place.`,
    ),
    effect: "write",
    timeoutMs: settings.timeoutMs,
    needsApproval:
      typeof needsApproval === "function"
        ? (input: JsonValue, context) => needsApproval(input as StatementInput, context)
        : needsApproval,
    resource,
    execute: async (input, context) => shown(await driver.write(statementOf(input, settings, context))),
  });
