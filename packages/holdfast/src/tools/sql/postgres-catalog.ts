import type { ClientBase } from "pg";
import { ConfigurationError } from "../../core/errors.ts";
import type { SqlTable, TableRules } from "./sql-driver.ts";

/** Tables and views that the role may read at least a column of, with those columns. */
const READABLE = `
  SELECT n.nspname AS schema, c.relname AS name, c.relkind IN ('v', 'm') AS is_view,
    a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS is_nullable,
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)) AS is_key,
    (SELECT min(f.relname) FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid
      WHERE k.conrelid = c.oid AND k.contype = 'f' AND a.attnum = ANY (k.conkey)) AS target
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
    AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
  ORDER BY 1, 2, a.attnum`;

type Readable = {
  readonly schema: string;
  readonly name: string;
  readonly is_view: boolean;
  readonly column: string;
  readonly type: string;
  readonly is_nullable: boolean;
  readonly is_key: boolean;
  readonly target: string | null;
};

const readable = async (client: ClientBase): Promise<readonly Readable[]> =>
  (await client.query<Readable>(READABLE)).rows;

/** As a statement would write it: without the schema that is looked in anyway. */
const nameOf = ({ schema, name }: Pick<Readable, "schema" | "name">): string =>
  schema === "public" ? name : `${schema}.${name}`;

export const tablesOf = async (client: ClientBase, rules: TableRules): Promise<readonly SqlTable[]> => {
  const tables = new Map<string, Readable[]>();
  for (const row of await readable(client)) {
    if (isOutside(row, rules)) continue;
    tables.set(nameOf(row), [...(tables.get(nameOf(row)) ?? []), row]);
  }
  return [...tables].map(([name, rows]) => ({
    name,
    kind: rows[0]?.is_view === true ? "view" : "table",
    columns: rows.map(({ column, type, is_nullable: isNullable }) => ({ name: column, type, isNullable })),
    primaryKey: rows.flatMap(({ column, is_key: isKey }) => (isKey ? [column] : [])),
    references: rows.flatMap(({ column, target }) => (target === null ? [] : [`${column} → ${target}`])),
  }));
};

const isOutside = (row: Changeable, rules: TableRules): boolean => {
  if (rules === null) return false;
  const columns = rules.get(nameOf(row).toLowerCase());
  if (columns === undefined || columns === null || row.column === null) return columns === undefined;
  return !columns.has(row.column.toLowerCase());
};

type Powers = {
  readonly role: string;
  readonly powers: string | null;
  /** A role that it is a member of without having its rights already. */
  readonly other: string | null;
};

type Checked = { readonly name: string; readonly isWritable: boolean; readonly rules: TableRules };

/**
 * A statement can do whatever its role may do, so the role is held against what is allowed before anything runs: a superuser is refused, and
 * so is one that may read, or with `write` change, more than the rules for tables say (Q2, Q3).
 *
 * @throws ConfigurationError with what to grant and to revoke.
 */
export const checkPrivileges = async (
  client: ClientBase,
  { name, isWritable, rules }: Checked,
): Promise<void> => {
  const { rows } = await client.query<Powers>(POWERS);
  const [{ role, powers, other }] = rows as [Powers];
  if (powers !== null)
    throw new ConfigurationError(
      "DEFINITION_INVALID",
      `${name}: role "${role}" ${powers}, whatever a transaction says.`,
      {
        hint: `Make one for this: CREATE ROLE assistant LOGIN PASSWORD '…'; GRANT SELECT ON … TO assistant;`,
      },
    );
  if (other !== null)
    throw new ConfigurationError(
      "DEFINITION_INVALID",
      `${name}: role "${role}" can become role "${other}" within a statement, with rights that are not its own.`,
      { hint: `Take it away: REVOKE ${other} FROM ${role}; and grant what it is to read to ${role} itself.` },
    );
  const outside = (await readable(client)).filter((row) => isOutside(row, rules));
  const [first] = outside;
  if (first === undefined) {
    if (isWritable) await checkChanges(client, { name, role, rules });
    return;
  }
  throw new ConfigurationError(
    "DEFINITION_INVALID",
    `${name}: role "${role}" may read ${nameOf(first)}.${first.column} (and ${outside.length - 1} other columns), which "tables" does not name.`,
    {
      hint: `Take it away, REVOKE SELECT ON ${nameOf(first)} FROM ${role}, or grant single columns: GRANT SELECT (…) ON … TO ${role}.`,
    },
  );
};

/** Columns that the role may fill or change, and tables that it may empty, which no column tells of. */
const CHANGEABLE = `
  SELECT n.nspname AS schema, c.relname AS name, a.attname AS column
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      AND (has_column_privilege(c.oid, a.attnum, 'INSERT') OR has_column_privilege(c.oid, a.attnum, 'UPDATE'))
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_schema_privilege(n.oid, 'USAGE')
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
    AND (a.attname IS NOT NULL OR has_table_privilege(c.oid, 'DELETE') OR has_table_privilege(c.oid, 'TRUNCATE'))
  ORDER BY 1, 2, a.attnum`;

type Changeable = Pick<Readable, "schema" | "name"> & {
  /** Null where it may only be emptied. */
  readonly column: string | null;
};

const checkChanges = async (
  client: ClientBase,
  { name, role, rules }: Omit<Checked, "isWritable"> & { readonly role: string },
): Promise<void> => {
  const { rows } = await client.query<Changeable>(CHANGEABLE);
  const outside = rows.find((row) => isOutside(row, rules));
  if (outside === undefined) return;
  const table = nameOf(outside);
  const what = outside.column === null ? `empty ${table}` : `change ${table}.${outside.column}`;
  throw new ConfigurationError(
    "DEFINITION_INVALID",
    `${name}: role "${role}" may ${what}, which "tables" does not name.`,
    { hint: `Take it away: REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON ${table} FROM ${role}.` },
  );
};

/**
 * What a role can do outside of any transaction's rules: everything, or the file system and programs of the server. A statement can
 * take on each role that it is a member of (`set_config('role', …)`), so what counts is what it may become.
 */
const POWERS = `
  SELECT current_user AS role,
    CASE WHEN r.rolsuper THEN 'is a superuser and can do everything'
      WHEN session_user <> current_user THEN 'is not the one that has logged in, which a statement can go back to'
      WHEN EXISTS (SELECT FROM pg_roles s WHERE s.rolsuper AND pg_has_role(s.oid, 'MEMBER'))
        THEN 'can become a superuser and do everything'
      WHEN pg_has_role('pg_execute_server_program', 'MEMBER') THEN 'can run programs on the server'
      WHEN pg_has_role('pg_read_server_files', 'MEMBER') OR pg_has_role('pg_write_server_files', 'MEMBER')
        THEN 'can reach the files of the server'
      WHEN pg_has_role('pg_signal_backend', 'MEMBER') THEN 'can end the work of others'
    END AS powers,
    (SELECT min(m.rolname) FROM pg_roles m WHERE pg_has_role(m.oid, 'MEMBER') AND NOT pg_has_role(m.oid, 'USAGE'))
      AS other
  FROM pg_roles r WHERE r.rolname = current_user`;
