import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ConfigurationError } from "../../core/errors.ts";
import { blobFolder, blobPath } from "./blob-files.ts";
import { type Connection, DATABASE_FILE } from "./connection.ts";
import { keepRowSums } from "./row-sums.ts";
import { syncFile, syncFolder } from "./sync-path.ts";

/**
 * Effects done after the copy was taken are forgotten by whoever goes on from it: sessions that were
 * open say so until their next commit. Holders and leases belong to processes of another place.
 */
const MARK_RESTORED = `
  UPDATE sessions SET is_restored = 1 WHERE status IN ('pending', 'running', 'suspended');
  UPDATE sessions SET holder = NULL, lease_ttl = NULL, lease_until = NULL,
    wake_at = CASE WHEN status = 'running' THEN coalesce(wake_at, 0) ELSE wake_at END
    WHERE holder IS NOT NULL;
  DELETE FROM holders;
`;

/** Writes a data directory of its own, complete or not at all. */
export const writeBackup = (connection: Connection, dataDir: string, path: string): void => {
  if (existsSync(path) && readdirSync(path).length > 0) {
    throw new ConfigurationError("OPTION_INVALID", "The place for the backup is not empty.", {
      hint: "Name a directory that does not exist yet.",
    });
  }
  const partial = `${path}.part`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true, mode: 0o700 });
  const database = join(partial, DATABASE_FILE);
  connection.run("VACUUM INTO ?", database);
  completeCopy(database, { from: dataDir, to: partial });
  syncFile(database);
  syncFolder(partial);
  rmSync(path, { recursive: true, force: true });
  renameSync(partial, path);
  syncFolder(dirname(path));
};

const completeCopy = (database: string, place: { readonly from: string; readonly to: string }): void => {
  const copy = new DatabaseSync(database);
  try {
    keepRowSums(copy);
    copy.exec(MARK_RESTORED);
    const files = copy
      .prepare(
        "SELECT s.id, b.sid, b.digest FROM blobs b JOIN sessions s ON s.sid = b.sid WHERE b.bytes IS NULL",
      )
      .all() as { id: string; sid: number; digest: string }[];
    for (const { id, sid, digest } of files) {
      const isCopied = copyBlob(id, digest, place);
      // Erased since the copy was taken: it stays erased.
      if (!isCopied) copy.prepare("DELETE FROM blobs WHERE sid = ? AND digest = ?").run(sid, digest);
    }
  } finally {
    copy.close();
  }
};

const copyBlob = (
  sessionId: string,
  digest: string,
  { from, to }: { readonly from: string; readonly to: string },
): boolean => {
  const source = blobPath(from, sessionId, digest);
  if (!existsSync(source)) return false;
  mkdirSync(blobFolder(to, sessionId), { recursive: true, mode: 0o700 });
  const target = blobPath(to, sessionId, digest);
  copyFileSync(source, target);
  syncFile(target);
  return true;
};
