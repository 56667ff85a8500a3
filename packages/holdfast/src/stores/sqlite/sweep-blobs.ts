import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { SessionId, Timestamp } from "../../core/ids.ts";
import { blobPath } from "./blob-files.ts";
import type { Connection } from "./connection.ts";

/** A file this old without a row was written for a commit that never came. */
const ORPHAN_AGE_MS = 24 * 60 * 60 * 1000;

const FILES = `SELECT s.id, b.digest FROM blobs b JOIN sessions s ON s.sid = b.sid WHERE b.bytes IS NULL`;

/** Removes blob files that belong to nothing; answers how many. */
export const sweepBlobs = (connection: Connection, dataDir: string, now: Timestamp): number => {
  const old = oldFiles(join(dataDir, "blobs"), now - ORPHAN_AGE_MS);
  if (old.length === 0) return 0;
  // With the write lock, so that no commit that needs one of them is on its way.
  return connection.transact(true, () => {
    const known = new Set(
      connection
        .all<{ id: SessionId; digest: string }>(FILES)
        .map(({ id, digest }) => blobPath(dataDir, id, digest)),
    );
    const orphans = old.filter((path) => !known.has(path));
    for (const path of orphans) rmSync(path, { force: true });
    return orphans.length;
  });
};

const oldFiles = (root: string, before: Timestamp): string[] =>
  entriesOf(root).flatMap((folder) =>
    entriesOf(folder).filter(
      (path) => (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? before) < before,
    ),
  );

const entriesOf = (folder: string): string[] => {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    // Not there, or gone meanwhile: nothing to sweep.
    return [];
  }
};
