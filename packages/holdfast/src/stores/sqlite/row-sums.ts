import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { crc32 } from "node:zlib";

/**
 * What no hash of the journal covers, and would be believed if a bit of it changed on the disk: rows of these
 * tables keep a sum over these columns (J4). A session's end is held against its journal instead, what a blob
 * holds against its digest, and how far a holder came against its mark.
 */
const SUMMED = {
  sessions: [
    "id",
    "agent",
    "tenant",
    "user",
    "created_at",
    "updated_at",
    "status",
    "waiting",
    "epoch",
    "gate",
    "holder",
    "lease_ttl",
    "lease_until",
    "wake_at",
    "is_restored",
    "is_erased",
    "min_reader",
  ],
  signals: ["sid", "kind", "dedupe_key", "run_id", "body", "posted_at", "has_blobs"],
  used_keys: ["sid", "key", "run_id", "salt", "digest"],
  runs: ["run_id", "sid"],
  blobs: ["sid", "digest", "position", "signal"],
  accounts: ["account", "total"],
  reservations: ["id", "account", "amount"],
  holders: ["id", "state"],
  duties: ["kind", "id", "assignee", "tenant", "lane", "place", "due_at", "revision", "body"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type SummedTable = keyof typeof SUMMED;

/** By which a row is found again, where it is not by `rowid`. */
const KEYS: Partial<Record<SummedTable, readonly string[]>> = {
  used_keys: ["sid", "key"],
  runs: ["run_id"],
  accounts: ["account"],
  reservations: ["id", "account"],
  holders: ["id"],
};

export const SUMMED_TABLES = Object.keys(SUMMED).filter((name): name is SummedTable => name in SUMMED);

/** Makes `row_sum(…)` known to a connection; what migrates and what checks need no more. */
export const addRowSum = (db: DatabaseSync): void =>
  db.function("row_sum", { deterministic: true, varargs: true }, (...values: SQLOutputValue[]) =>
    crc32(values.map(textOf).join("\n")),
  );

const textOf = (value: SQLOutputValue): string =>
  value instanceof Uint8Array
    ? `b${Buffer.from(value).toString("hex")}`
    : JSON.stringify(String(value)) + typeof value;

/**
 * Keeps the sums of whatever this connection writes from now on. The triggers are the connection's own and not
 * the file's, so that whoever reads the file by other means needs nothing of ours.
 */
export const keepRowSums = (db: DatabaseSync): void => {
  addRowSum(db);
  db.exec(SUMMED_TABLES.flatMap((table) => [trigger(table, "INSERT"), trigger(table, "UPDATE")]).join(";\n"));
};

const trigger = (table: SummedTable, change: "INSERT" | "UPDATE"): string => {
  // Without the sum itself, or it would set itself off.
  const columns = change === "UPDATE" ? ` OF ${SUMMED[table].join(", ")}` : "";
  const key = (KEYS[table] ?? ["rowid"]).map((name) => `${name} = NEW.${name}`).join(" AND ");
  return `CREATE TEMP TRIGGER sum_${table}_${change} AFTER ${change}${columns} ON main.${table} BEGIN
    UPDATE ${table} SET sum = ${sumOf(table, "NEW.")} WHERE ${key};
  END`;
};

const sumOf = (table: SummedTable, prefix = ""): string =>
  `row_sum(${SUMMED[table].map((name) => prefix + name).join(", ")})`;

/** For a query of a table: 1 when the row is as it was written. */
export const isWhole = (table: SummedTable): string => `(sum IS ${sumOf(table)})`;

/** For a query of a table: the id of the session that a row `t` belongs to, or null. */
export const sessionOf = (table: SummedTable): string => {
  if (table === "sessions") return "t.id";
  const columns: readonly string[] = SUMMED[table];
  return columns.includes("sid") ? "(SELECT s.id FROM sessions AS s WHERE s.sid = t.sid)" : "NULL";
};
