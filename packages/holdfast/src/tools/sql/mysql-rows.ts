import type { FieldPacket, TypedParameter } from "mysql2";
import { ToolError } from "../../core/errors.ts";
import type { JsonValue } from "../../core/json.ts";
import { CutRows, toCell } from "./cut-rows.ts";
import type { MysqlConnection, MysqlPrepared } from "./mysql-connection.ts";
import type { SqlAnswer, SqlParam, SqlStatement } from "./sql-driver.ts";

const MIB = 1_024 * 1_024;
/** EXPLAIN shows no plan of a view to whom its tables are not shown; the statement was read as one that has a plan. */
const NO_PLAN_SHOWN = 1345;
const SYNTAX = 1064;

type Exact = Pick<TypedParameter, "LONGLONG">;
type Run = { readonly statement: SqlStatement; readonly isWrite: boolean; readonly exact: Exact };

/**
 * By the protocol of prepared statements, which takes one statement and binds its parameters (Q1). The server itself says what it is:
 * only what EXPLAIN takes is run, which leaves out all that would end the transaction (DDL, CALL, BEGIN … END, COMMIT), set
 * something, or kill; and what reads has to answer with columns, which leaves out INTO (Q2).
 *
 * @throws ToolError for what it does not run, and whatever the server answers.
 */
export const runStatement = async (connection: MysqlConnection, run: Run): Promise<SqlAnswer> => {
  const { statement, isWrite, exact } = run;
  const prepared = await connection.prepare(statement.sql);
  const kinds = isWrite ? "SELECT, INSERT, UPDATE, DELETE and REPLACE" : "SELECT";
  if (!(isWrite || prepared.columns.length > 0) || !(await isExplained(connection, statement.sql)))
    throw refusal(`This tool runs ${kinds}, one statement at a time, and no other statement (nor INTO).`);
  const wanted = prepared.parameters.length;
  if (wanted !== statement.params.length)
    throw refusal(`The statement has ${wanted} placeholders, and ${statement.params.length} values came.`);
  if (statement.signal.aborted) throw refusal("It was told to stop.");
  return fetchRows(connection, { prepared, statement, isWrite, exact });
};

const refusal = (message: string): ToolError => new ToolError(message, { executed: false, retryable: false });

const isExplained = async (connection: MysqlConnection, sql: string): Promise<boolean> => {
  try {
    // Without FORMAT it would also describe a table of that name, which COMMIT may be.
    await connection.prepare(`EXPLAIN FORMAT=JSON ${sql}`);
    return true;
  } catch (thrown) {
    const code = thrown instanceof Error && "errno" in thrown ? thrown.errno : null;
    if (code === NO_PLAN_SHOWN) return true;
    if (code === SYNTAX) return false;
    throw thrown;
  }
};

type Fetched = Run & { readonly prepared: MysqlPrepared };

const fetchRows = async (
  connection: MysqlConnection,
  { prepared, statement, isWrite, exact }: Fetched,
): Promise<SqlAnswer> => {
  const taken = new CutRows(statement);
  const { promise, resolve, reject } = Promise.withResolvers<null>();
  let fields: readonly FieldPacket[] = [];
  let changed: number | null = null;
  let count = 0;
  const kill: { done: Promise<void> | null } = { done: null };
  const take = (row: unknown): void => {
    if (!Array.isArray(row)) {
      changed = (row as { readonly affectedRows: number }).affectedRows;
      return;
    }
    connection.allow(roomOf(statement));
    count += 1;
    if (taken.cut === null) taken.take(row.map((value, at) => cellOf(value, fields[at])));
    // The server ends by itself after one row more than is wanted, unless the statement says another LIMIT.
    const isEnough =
      taken.cut !== null && (count > statement.maxRows + 1 || taken.rows.length < statement.maxRows);
    // A change is done to its end.
    if (isEnough && !isWrite) kill.done ??= connection.killQuery();
  };
  connection.allow(roomOf(statement));
  const command = prepared.execute(statement.params.map((value) => bound(value, exact)));
  command.on("fields", (found: unknown) => (fields = (found as readonly FieldPacket[] | undefined) ?? []));
  command.on("result", take);
  command.on("error", reject);
  command.on("end", () => resolve(null));
  try {
    await promise;
  } catch (thrown) {
    if (kill.done === null) throw thrown;
  }
  await kill.done;
  return { columns: fields.map(({ name }) => name), rows: taken.rows, cut: taken.cut, changed };
};

const roomOf = ({ maxChars }: SqlStatement): number => 16 * MIB + 4 * maxChars;

/** A number without fraction is bound as one: as a double it would be no LIMIT, and no exact key. */
const bound = (value: SqlParam, { LONGLONG }: Exact): unknown =>
  typeof value === "number" && Number.isSafeInteger(value) ? LONGLONG(value) : value;

const FLOAT = 4;
const BIT = 16;

const cellOf = (value: unknown, field: FieldPacket | undefined): JsonValue => {
  if (field?.columnType === BIT && value instanceof Uint8Array)
    return toCell(value.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n));
  // The shortest number that is the same in 32 bits.
  if (field?.columnType === FLOAT && typeof value === "number")
    return toCell(
      [6, 7, 8]
        .map((digits) => Number(value.toPrecision(digits)))
        .find((each) => Math.fround(each) === value) ?? value,
    );
  return toCell(value);
};
