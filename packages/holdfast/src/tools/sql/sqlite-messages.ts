import type { SqlAnswer, SqlParam, SqlTable } from "./sql-driver.ts";

/** How a SQLite database is opened in the process that does nothing else. */
export type SqliteOpening = {
  readonly path: string;
  readonly isWritable: boolean;
  /** Table → columns, or null for all of its columns; null for all tables. */
  readonly rules: readonly (readonly [string, readonly string[] | null])[] | null;
  readonly busyMs: number;
};

export type SqliteRequest =
  | { readonly kind: "tables" }
  | {
      readonly kind: "run";
      readonly sql: string;
      readonly params: readonly SqlParam[];
      readonly maxRows: number;
      readonly maxChars: number;
      readonly isWrite: boolean;
    };

export type SqliteReply =
  | { readonly kind: "tables"; readonly tables: readonly SqlTable[] }
  | { readonly kind: "answer"; readonly answer: SqlAnswer }
  /** `isBusy`: another connection holds the database, and nothing was done. */
  | {
      readonly kind: "error";
      readonly message: string;
      readonly isBusy: boolean;
      /** Whether it certainly left nothing behind. */
      readonly isUndone: boolean;
    };

/** The pipe whose other end is held by whoever started the process: it closes however that ends. */
export const LIFELINE_FD = 4;
