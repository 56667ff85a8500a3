import type { DatabaseSync } from "node:sqlite";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "../../core/errors.ts";
import { addRowSum } from "./row-sums.ts";
import { APPLICATION_ID, FORMAT_VERSION, MIGRATIONS, PAGE_BYTES } from "./schema.ts";

/**
 * Brings a database to this version's format: an empty one is filled, an older one is copied first and
 * then changed step by step, a newer or foreign one is refused untouched.
 */
export const migrate = (db: DatabaseSync, dataDir: string): void => {
  addRowSum(db);
  // Takes effect only on a database that has no pages yet.
  db.exec(`PRAGMA page_size = ${PAGE_BYTES}`);
  const found = readVersion(db);
  for (let version = found; version < FORMAT_VERSION; version = readVersion(db)) {
    // A database that was empty passes through the older formats with nothing in it.
    if (found > 0) keepCopy(db, join(dataDir, `holdfast.v${version}.db`));
    stepFrom(db, version);
  }
};

const pragma = (db: DatabaseSync, name: string): number =>
  Number(db.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);

/** All of it as of one moment: another process may fill the database while we look. */
const observe = (db: DatabaseSync) => {
  db.exec("BEGIN");
  try {
    const version = pragma(db, "user_version");
    return { version, application: pragma(db, "application_id"), hasTables: hasTables(db) };
  } finally {
    if (db.isTransaction) db.exec("ROLLBACK");
  }
};

const readVersion = (db: DatabaseSync): number => {
  const { version, application, hasTables: isFilled } = observe(db);
  if (application !== APPLICATION_ID && (application !== 0 || version !== 0 || isFilled)) {
    throw new StoreError(
      "STORE_FORMAT_UNSUPPORTED",
      "The data directory holds a database that is not Holdfast's.",
      { hint: "Choose another data directory.", retryable: false },
    );
  }
  if (version > FORMAT_VERSION) {
    throw unsupportedFormat(version);
  }
  return version;
};

export const unsupportedFormat = (found: number): StoreError =>
  new StoreError(
    "STORE_FORMAT_UNSUPPORTED",
    `The data directory has format ${found}; this version of Holdfast reads and writes format ${FORMAT_VERSION}.`,
    {
      hint: "Use the newer version of Holdfast that wrote it, or restore a backup made before the upgrade.",
      details: { found, supported: FORMAT_VERSION },
      retryable: false,
    },
  );

const hasTables = (db: DatabaseSync): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() !== undefined;

const keepCopy = (db: DatabaseSync, path: string): void => {
  if (!existsSync(path)) db.prepare("VACUUM INTO ?").run(path);
};

const COPY = /^holdfast\.v\d+\.db/;

/** Names of what was copied before it was changed: it has all that was there then, also what was erased since. */
export const copiesIn = (dataDir: string): readonly string[] =>
  existsSync(dataDir) ? readdirSync(dataDir).filter((name) => COPY.test(name)) : [];

const stepFrom = (db: DatabaseSync, version: number): void => {
  db.exec("BEGIN EXCLUSIVE");
  try {
    // Another process may have done it while we waited.
    if (pragma(db, "user_version") === version) {
      db.exec(MIGRATIONS[version] ?? "");
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version + 1};`);
    }
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
};
