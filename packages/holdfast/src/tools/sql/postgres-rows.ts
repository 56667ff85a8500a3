import type PgCursor from "pg-cursor";
import type { ClientBase, Connection } from "pg";
import { ToolError } from "../../core/errors.ts";
import { CutRows, toCell } from "./cut-rows.ts";
import type { SqlAnswer, SqlStatement } from "./sql-driver.ts";

/** Rows that are fetched at once, at most. */
const BATCH = 100;

export type Fetched = {
  readonly statement: SqlStatement;
  /** A statement that changes data is read to its end: what is left of it in the server would never be done. */
  readonly isWrite: boolean;
  /** Called before each batch. */
  readonly onBatch: () => void;
};

/**
 * By the extended protocol, which takes one statement and binds its parameters, and only as many rows as are wanted (Q1, Q5).
 *
 * @throws ToolError for COPY, and whatever the server answers.
 */
export const fetchRows = async (
  client: ClientBase,
  Cursor: typeof PgCursor,
  { statement, isWrite, onBatch }: Fetched,
): Promise<SqlAnswer> => {
  const cursor = client.query(cursorOf(Cursor, statement));
  const taken = new CutRows(statement);
  // One more than is wanted says that there are more.
  const batch = Math.min(BATCH, statement.maxRows + 1);
  let isRoom = true;
  let isMore = true;
  let count = 0;
  while (isMore) {
    onBatch();
    const rows = await cursor.read(batch);
    count += rows.length;
    isRoom &&= rows.every((row) => taken.take(row.map(toCell)));
    isMore = rows.length === batch && (isRoom || isWrite);
  }
  const { fields, command, rowCount } = resultOf(cursor);
  if (command === "COPY") throw new ToolError("COPY is not for tools: SELECT the rows.", { executed: false });
  await cursor.close();
  // What the server says at the end of rows counts its last batch alone; it answers with a row for each that was changed.
  const changed = rowCount !== null && fields.length > 0 ? count : rowCount;
  return {
    columns: fields.map(({ name }) => name),
    rows: taken.rows,
    cut: taken.cut,
    changed: command === "SELECT" || command === null ? null : changed,
  };
};

/** A cursor that lives through COPY, of which pg-cursor knows nothing: what comes is let go of, and nothing is sent. */
const cursorOf = (Cursor: typeof PgCursor, { sql, params }: SqlStatement): PgCursor<unknown[]> =>
  Object.assign(new Cursor<unknown[]>(sql, [...params], { rowMode: "array" }), {
    handleCopyData: () => undefined,
    handleCopyInResponse: (connection: Connection & { sendCopyFail(message: string): void }) =>
      connection.sendCopyFail("there is nothing to copy from"),
  });

type CursorResult = {
  readonly fields: readonly { readonly name: string }[];
  readonly command: string | null;
  readonly rowCount: number | null;
};

/** What the cursor keeps of its statement and does not declare. */
const resultOf = (cursor: object): CursorResult => {
  const result = "_result" in cursor ? (cursor._result as Partial<CursorResult>) : {};
  return { fields: result.fields ?? [], command: result.command ?? null, rowCount: result.rowCount ?? null };
};
