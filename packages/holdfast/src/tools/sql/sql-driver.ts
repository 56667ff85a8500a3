import type { JsonValue } from "../../core/json.ts";

/** A value that can be bound to a parameter. */
export type SqlParam = string | number | boolean | null;

/** One statement, its parameters, and how much of its answer is wanted. */
export type SqlStatement = {
  readonly sql: string;
  readonly params: readonly SqlParam[];
  readonly maxRows: number;
  /** Of all values, as JSON, in characters. */
  readonly maxChars: number;
  /** After this the statement is ended in the database. */
  readonly timeoutMs: number;
  /** Ends it in the database too. */
  readonly signal: AbortSignal;
};

/** What a statement answered. A cell is JSON: what JSON cannot hold exactly is text. */
export type SqlAnswer = {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly JsonValue[])[];
  /** Why these are not all rows; null where they are. */
  readonly cut: string | null;
  /** Rows that were changed; null for a statement that only reads. */
  readonly changed: number | null;
};

export type SqlColumn = { readonly name: string; readonly type: string; readonly isNullable: boolean };

export type SqlTable = {
  readonly name: string;
  readonly kind: "table" | "view";
  readonly columns: readonly SqlColumn[];
  readonly primaryKey: readonly string[];
  /** `column` → `table.column`. */
  readonly references: readonly string[];
};

/** The tables that may be seen, each with its columns; null for all of it. */
export type TableRules = ReadonlyMap<string, ReadonlySet<string> | null> | null;

/**
 * One database. Contract:
 *
 * Q1  One statement at a time: text after it is refused, and nothing of it runs.
 * Q2  `read` changes nothing, by the database's own means and whatever the statement says.
 * Q3  What is outside the rules for tables is not read and not listed.
 * Q4  A statement that is out of time, or whose signal is aborted, is ended in the database before the call rejects.
 * Q5  No more is taken from the database than is wanted, and a cut is said.
 * Q6  An error says whether the statement may have taken effect: what was refused before it ran is `executed: false`.
 */
export interface SqlDriver {
  /** For people, without anything secret. */
  readonly name: string;
  tables(signal: AbortSignal): Promise<readonly SqlTable[]>;
  read(statement: SqlStatement): Promise<SqlAnswer>;
  write(statement: SqlStatement): Promise<SqlAnswer>;
  held(): { readonly [kind: string]: number };
  close(): Promise<void>;
}
