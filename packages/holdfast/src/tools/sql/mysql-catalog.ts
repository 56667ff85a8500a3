import { ConfigurationError } from "../../core/errors.ts";
import type { MysqlConnection } from "./mysql-connection.ts";
import type { SqlTable, TableRules } from "./sql-driver.ts";

/** Columns of which the user has a right, by itself or by its roles, as the server says. */
const READABLE = `
  SELECT c.TABLE_SCHEMA, c.TABLE_NAME, t.TABLE_TYPE, c.COLUMN_NAME, c.COLUMN_TYPE, c.IS_NULLABLE, c.COLUMN_KEY, c.PRIVILEGES,
    c.TABLE_SCHEMA = DATABASE(),
    (SELECT MIN(CONCAT(k.REFERENCED_TABLE_NAME, '.', k.REFERENCED_COLUMN_NAME)) FROM information_schema.KEY_COLUMN_USAGE k
      WHERE k.TABLE_SCHEMA = c.TABLE_SCHEMA AND k.TABLE_NAME = c.TABLE_NAME AND k.COLUMN_NAME = c.COLUMN_NAME)
  FROM information_schema.COLUMNS c JOIN information_schema.TABLES t
    ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
  WHERE c.TABLE_SCHEMA NOT IN ('information_schema', 'performance_schema') AND t.TABLE_TYPE <> 'SYSTEM VIEW'
  ORDER BY 1, 2, c.ORDINAL_POSITION`;

/** Schemas of the server itself: who reads them reads what others do, and hashes of passwords. */
const OF_SERVER = ["mysql", "sys"];

type Column = {
  readonly schema: string;
  /** As a statement would write it: without the database that is looked in anyway. */
  readonly table: string;
  readonly isView: boolean;
  readonly name: string;
  readonly type: string;
  readonly isNullable: boolean;
  readonly isKey: boolean;
  readonly rights: readonly string[];
  readonly target: string | null;
};

const columnsOf = async (connection: MysqlConnection): Promise<readonly Column[]> =>
  (await connection.ask(READABLE)).map((row) => {
    const [schema = "", table = "", kind = "", name = "", type = "", nullable, key, rights = ""] =
      row.map(String);
    return {
      schema,
      table: Number(row[8]) === 1 ? table : `${schema}.${table}`,
      isView: kind === "VIEW",
      name,
      type,
      isNullable: nullable === "YES",
      isKey: key === "PRI",
      rights: rights.split(","),
      target: typeof row[9] === "string" ? row[9] : null,
    };
  });

export const tablesOf = async (
  connection: MysqlConnection,
  rules: TableRules,
): Promise<readonly SqlTable[]> => {
  const tables = new Map<string, Column[]>();
  for (const column of await columnsOf(connection)) {
    const isShown = column.rights.includes("select") && !OF_SERVER.includes(column.schema);
    if (!isShown || isOutside(column, rules)) continue;
    tables.set(column.table, [...(tables.get(column.table) ?? []), column]);
  }
  return [...tables].map(([name, columns]) => ({
    name,
    kind: columns[0]?.isView === true ? "view" : "table",
    columns: columns.map((column) => ({
      name: column.name,
      type: column.type,
      isNullable: column.isNullable,
    })),
    primaryKey: columns.flatMap((column) => (column.isKey ? [column.name] : [])),
    references: columns.flatMap((column) =>
      column.target === null ? [] : [`${column.name} → ${column.target}`],
    ),
  }));
};

const isOutside = ({ table, name }: Column, rules: TableRules): boolean => {
  if (rules === null) return false;
  const columns = rules.get(table.toLowerCase());
  return columns === undefined || (columns !== null && !columns.has(name.toLowerCase()));
};

/** Rights on everything that reach no data and nothing of the server; each other one is too much, also one that is not invented yet. */
const HARMLESS = [
  "USAGE",
  "SHOW DATABASES",
  "SHOW VIEW",
  "EXECUTE",
  "LOCK TABLES",
  "CREATE TEMPORARY TABLES",
];

type Checked = { readonly name: string; readonly isWritable: boolean; readonly rules: TableRules };

/**
 * A statement can do whatever its user may do, so the user is held against what is allowed before anything runs: one with rights on the
 * whole server is refused, and so is one that may read, or with `write` change, more than the rules for tables say (Q2, Q3).
 *
 * @throws ConfigurationError with what to grant and to revoke.
 */
export const checkPrivileges = async (
  connection: MysqlConnection,
  { name, isWritable, rules }: Checked,
): Promise<void> => {
  const [[user = ""] = []] = (await connection.ask("SELECT CURRENT_USER()")).map((row) => row.map(String));
  const grants = await grantsOf(connection);
  const powers = grants.flatMap(powersIn);
  if (powers.length > 0)
    throw new ConfigurationError(
      "DEFINITION_INVALID",
      `${name}: user ${user} has rights on the whole server (${powers.slice(0, 5).join(", ")}), whatever a transaction says.`,
      {
        hint: "Make one for this: CREATE USER assistant IDENTIFIED BY '…'; GRANT SELECT ON shop.orders TO assistant;",
      },
    );
  const wanted = isWritable ? ["select", "insert", "update"] : ["select"];
  const outside = (await columnsOf(connection)).filter(
    (column) =>
      column.rights.some((right) => wanted.includes(right)) &&
      (OF_SERVER.includes(column.schema) || isOutside(column, rules)),
  );
  const [first] = outside;
  if (first === undefined) {
    if (isWritable) await checkDeletes(connection, grants, { name, user, rules });
    return;
  }
  const why = OF_SERVER.includes(first.schema)
    ? "which belongs to the server itself"
    : 'which "tables" does not name';
  throw new ConfigurationError(
    "DEFINITION_INVALID",
    `${name}: user ${user} may read or change ${first.table}.${first.name} (and ${outside.length - 1} other columns), ${why}.`,
    {
      hint: `Take it away from ${user} with REVOKE, and grant what is named alone: GRANT SELECT ON database.table TO …, or GRANT SELECT (column, …) ON database.table TO ….`,
    },
  );
};

const grantsOf = async (connection: MysqlConnection): Promise<readonly string[]> =>
  (await connection.ask(`SHOW GRANTS${await activeRoles(connection)}`)).map((row) => String(row[0]));

const powersIn = (grant: string): readonly string[] => {
  const rights = /^GRANT (.+?) ON \*\.\* TO /.exec(grant)?.[1]?.split(", ") ?? [];
  return rights.filter((right) => !HARMLESS.includes(right));
};

const OF_TABLES =
  /^GRANT (?<rights>.+) ON (?:TABLE )?`(?<schema>(?:[^`]|``)+)`\.(?:\*|`(?<table>(?:[^`]|``)+)`) TO /;

/** Rows are deleted by a right on whole tables, which no column tells of (Q3). */
const checkDeletes = async (
  connection: MysqlConnection,
  grants: readonly string[],
  { name, user, rules }: Omit<Checked, "isWritable"> & { readonly user: string },
): Promise<void> => {
  const [[here = ""] = []] = (await connection.ask("SELECT DATABASE()")).map((row) => row.map(String));
  const places = grants.flatMap((grant) => {
    const { rights = "", schema = "", table } = OF_TABLES.exec(grant)?.groups ?? {};
    if (!/\b(?:DELETE|ALL PRIVILEGES)\b/.test(rights.replaceAll(/`(?:[^`]|``)*`/g, ""))) return [];
    return [{ schema: schema.replaceAll("``", "`"), table: table?.replaceAll("``", "`") ?? null }];
  });
  const outside = places.find(({ schema, table }) => {
    if (OF_SERVER.includes(schema)) return true;
    const named = schema === here ? table : `${schema}.${table ?? ""}`;
    return rules !== null && (table === null || named === null || !rules.has(named.toLowerCase()));
  });
  if (outside === undefined) return;
  const place = `${outside.schema}.${outside.table ?? "*"}`;
  throw new ConfigurationError(
    "DEFINITION_INVALID",
    `${name}: user ${user} may delete rows of ${place}, which "tables" does not name.`,
    {
      hint: `REVOKE DELETE ON ${place} FROM …, and grant it on the tables that are named alone: GRANT DELETE ON database.table TO ….`,
    },
  );
};

/** MariaDB tells what comes by the role too; MySQL, which has roles since its version 8, has to be asked for that. */
const activeRoles = async (connection: MysqlConnection): Promise<string> => {
  const [[version = ""] = []] = (await connection.ask("SELECT VERSION()")).map((row) => row.map(String));
  if (version.includes("MariaDB") || version.startsWith("5.")) return "";
  const [[roles = "NONE"] = []] = (await connection.ask("SELECT CURRENT_ROLE()")).map((row) =>
    row.map(String),
  );
  return roles === "NONE" ? "" : ` FOR CURRENT_USER() USING ${roles}`;
};
