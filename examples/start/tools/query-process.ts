/** Runs one SELECT on a database it cannot change. Usage: node query-process.ts <database> <sql> */
import { constants, DatabaseSync } from "node:sqlite";

const MAX_ROWS = 50;
const MAX_CELL_CHARS = 500;
const ALLOWED: ReadonlySet<number> = new Set([
  constants.SQLITE_SELECT,
  constants.SQLITE_READ,
  constants.SQLITE_FUNCTION,
  constants.SQLITE_RECURSIVE,
]);

const [file = "", sql = ""] = process.argv.slice(2);

const cell = (value: unknown): unknown => {
  if (typeof value === "string") return value.slice(0, MAX_CELL_CHARS);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return typeof value === "bigint" ? Number(value) : value;
};

const answer = (): object => {
  const database = new DatabaseSync(file, { readOnly: true });
  database.setAuthorizer((action) => (ALLOWED.has(action) ? constants.SQLITE_OK : constants.SQLITE_DENY));
  const statement = database.prepare(sql);
  // Only the first statement would be run: say so, rather than leave out the rest in silence.
  if (sql.slice(statement.sourceSQL.length).trim() !== "") throw new Error("one statement at a time, please");
  const columns = statement.columns().map(({ name }) => name);
  const rows: object[] = [];
  for (const row of statement.iterate()) {
    if (rows.length === MAX_ROWS) return { columns, rows, note: `There are more than ${MAX_ROWS} rows.` };
    rows.push(Object.fromEntries(Object.entries(row).map(([name, value]) => [name, cell(value)])));
  }
  return { columns, rows };
};

try {
  process.stdout.write(JSON.stringify(answer()));
} catch (error) {
  process.stdout.write(
    JSON.stringify({
      error: `The query cannot be run: ${error instanceof Error ? error.message : String(error)}`,
    }),
  );
}
