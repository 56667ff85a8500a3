import { constants } from "node:sqlite";

type Rules = ReadonlyMap<string, ReadonlySet<string> | null> | null;
type Authority = {
  readonly rules: Rules;
  /** Names, in lower case, that are of views and of nothing that the statement itself defines. */
  readonly views: ReadonlySet<string>;
  readonly isWrite: boolean;
};
/** What is to be done, to what, in which database and, where there is one, within which view or trigger. */
type Asked = [
  action: number,
  first: string | null,
  second: string | null,
  database: string | null,
  within: string | null,
];

const {
  SQLITE_OK,
  SQLITE_DENY,
  SQLITE_SELECT,
  SQLITE_READ,
  SQLITE_FUNCTION,
  SQLITE_RECURSIVE,
  SQLITE_INSERT,
  SQLITE_UPDATE,
  SQLITE_DELETE,
  SQLITE_PRAGMA,
} = constants;

/** Functions that reach beyond the data: the file system, code, or the connection itself. */
const FORBIDDEN = new Set(["load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"]);

/**
 * What SQLite asks before it compiles each part of a statement: everything that is not named here is refused, among it pragmas,
 * attaching other files, transactions and whatever changes the schema.
 * (https://sqlite.org/c3ref/c_alter_table.html: the actions and what their arguments mean.)
 */
export const authorizerOf = ({ rules, views, isWrite }: Authority): ((...asked: Asked) => number) => {
  const mayRead = (table: string | null, column: string | null, within: string | null): boolean => {
    if (isInternal(table)) return false;
    if (rules === null) return true;
    // What a view reads was allowed with the view. But a statement gives names too, to its queries, and they come as `within`.
    if (within !== null && views.has(within.toLowerCase()) && rules.has(within.toLowerCase())) return true;
    const columns = rules.get((table ?? "").toLowerCase());
    if (columns === undefined) return false;
    return columns === null || column === null || column === "" || columns.has(column.toLowerCase());
  };
  return (...[action, first, second, database, within]) => {
    if (action === SQLITE_SELECT || action === SQLITE_RECURSIVE) return SQLITE_OK;
    if (action === SQLITE_FUNCTION)
      return FORBIDDEN.has((second ?? "").toLowerCase()) ? SQLITE_DENY : SQLITE_OK;
    if (database !== null && database !== "main") return SQLITE_DENY;
    // Asked by full-text search, whether the data changed since; it tells a number.
    if (action === SQLITE_PRAGMA)
      return first === "data_version" && second === null ? SQLITE_OK : SQLITE_DENY;
    if (action === SQLITE_READ) return mayRead(first, second, within) ? SQLITE_OK : SQLITE_DENY;
    if (!isWrite) return SQLITE_DENY;
    if (action === SQLITE_UPDATE) return mayRead(first, second, within) ? SQLITE_OK : SQLITE_DENY;
    if (action === SQLITE_INSERT || action === SQLITE_DELETE)
      return mayRead(first, null, within) ? SQLITE_OK : SQLITE_DENY;
    return SQLITE_DENY;
  };
};

/** Tables of SQLite's own, which tell of others. */
const isInternal = (table: string | null): boolean => (table ?? "").toLowerCase().startsWith("sqlite_");
