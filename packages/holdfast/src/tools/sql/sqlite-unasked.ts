import { ToolError } from "../../core/errors.ts";
import { type SqliteToken, tokensOf } from "./sqlite-tokens.ts";

const JOINS: ReadonlySet<string> = new Set(["using", "natural"]);
const SELECTS: ReadonlySet<string> = new Set(["select", "all"]);

/**
 * Refuses what SQLite compiles without asking its authorizer: the columns that `USING` and `NATURAL` compare, and those of a
 * table that is copied as a whole (`INSERT INTO … SELECT *`). To be asked where only some tables may be seen.
 *
 * @throws ToolError with `executed: false`.
 */
export const refuseUnasked = (sql: string, isWrite: boolean): void => {
  const tokens = tokensOf(sql);
  const join = tokens.find(({ kind, text }) => kind === "word" && JOINS.has(text));
  if (join !== undefined)
    throw refusal(`${join.text.toUpperCase()} cannot be used here; join with ON and name the columns.`);
  const isStar = ({ text }: SqliteToken, at: number): boolean =>
    text === "*" && tokens[at - 1]?.kind === "word" && SELECTS.has(tokens[at - 1]?.text ?? "");
  if (isWrite && tokens.some(isStar))
    throw refusal("SELECT * cannot be used in a change here; name the columns.");
};

const refusal = (message: string): ToolError => new ToolError(message, { executed: false, retryable: false });

/** Names that a statement gives to queries of its own (`WITH name AS …`), in lower case; some more where in doubt. */
export const namesGivenBy = (sql: string): ReadonlySet<string> => {
  const tokens = tokensOf(sql);
  if (!tokens.some(({ kind, text }) => kind === "word" && text === "with")) return new Set();
  return new Set(
    tokens.flatMap(({ kind, text }, at) => {
      const next = tokens[at + 1]?.text;
      return kind !== "other" && (next === "as" || next === "(") ? [text] : [];
    }),
  );
};
