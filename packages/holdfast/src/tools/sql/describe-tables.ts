import type { SqlTable } from "./sql-driver.ts";

/** Tables as a model reads them: a line a table, in the words of SQL. */
export const describeTables = (tables: readonly SqlTable[]): string =>
  tables.length === 0 ? "There are no tables that may be seen." : tables.map(describe).join("\n");

const describe = ({ name, kind, columns, primaryKey, references }: SqlTable): string => {
  const listed = columns.map((column) =>
    `${column.name} ${column.type}${column.isNullable ? "" : " not null"}`.replaceAll("  ", " "),
  );
  const key = primaryKey.length === 0 ? "" : `; primary key ${primaryKey.join(", ")}`;
  const refers = references.length === 0 ? "" : `; ${references.join(", ")}`;
  return `${kind} ${name} (${listed.join(", ")})${key}${refers}`;
};
