import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { NotFoundError } from "../../core/errors.ts";
import type { Position, SessionId, Timestamp } from "../../core/ids.ts";
import { blobFolder, blobPath } from "./blob-files.ts";
import type { Connection } from "./connection.ts";
import { eventIdAt, type JournalPlace } from "./journal-rows.ts";
import { findJournal } from "./load.ts";
import { syncFolder } from "./sync-path.ts";
import type { ErasedFiles, Transaction } from "./transaction.ts";
import { eraseKeys } from "./used-key.ts";

const GET_LINK = "SELECT previous FROM events WHERE id = ?";
const CLEAR_EVENT = "UPDATE events SET payload = NULL, salt = NULL WHERE id = ?";
// What an unread signal brings again is not of the past, though an event has mentioned it before.
const DROP_BLOBS = `DELETE FROM blobs WHERE sid = ? AND (? OR (signal IS NULL AND position <= ?))
  RETURNING digest, bytes IS NULL AS is_file`;
const MARK_ERASED = "UPDATE sessions SET is_erased = is_erased OR ?, gate = gate + 1 WHERE sid = ?";
const CLEAR_KEYS = `UPDATE used_keys SET salt = NULL, digest = NULL WHERE sid = ?1 AND key NOT IN
  (SELECT dedupe_key FROM signals WHERE sid = ?1 AND dedupe_key IS NOT NULL)`;

/** Removes content up to a position, or all of it; headers and hashes stay (C13). */
export const eraseSession = (transaction: Transaction, sessionId: SessionId, upTo: Position | null): void => {
  const journal = findJournal(transaction.connection, sessionId);
  if (journal === undefined) {
    throw new NotFoundError("SESSION_NOT_FOUND", `There is no session ${sessionId}.`);
  }
  eraseJournal(transaction, journal, upTo);
};

const eraseJournal = (transaction: Transaction, journal: JournalPlace, upTo: Position | null): void => {
  const { connection } = transaction;
  const { sid, sessionId } = journal;
  const isWhole = upTo === null ? 1 : 0;
  const last = Math.min(upTo ?? journal.position, journal.position);
  clearEvents(connection, journal, last);
  connection.run("DELETE FROM snapshots WHERE sid = ?", sid);
  connection.run(MARK_ERASED, isWhole, sid);
  const dropped = connection.all<{ digest: string; is_file: number }>(DROP_BLOBS, sid, isWhole, last);
  if (upTo === null) {
    eraseKeys(connection, journal);
    connection.run("UPDATE signals SET body = 'null', dedupe_key = NULL WHERE sid = ?", sid);
  } else {
    // What a read signal said is in the journal, and its key does not know where.
    connection.run(CLEAR_KEYS, sid);
  }
  // Not yet: until this is stored, the files belong to rows that a crash would bring back.
  const digests = dropped.filter(({ is_file: isFile }) => isFile === 1).map(({ digest }) => digest);
  transaction.erased.push({ sessionId, digests: upTo === null ? null : digests });
};

const clearEvents = (connection: Connection, journal: JournalPlace, last: Position): void => {
  if (last < 1) return;
  let id = eventIdAt(connection, journal, last);
  for (let position = last; position >= 1; position -= 1) {
    connection.run(CLEAR_EVENT, id);
    id = connection.get<{ previous: number }>(GET_LINK, id)?.previous ?? 0;
  }
};

const FILES = `SELECT b.digest FROM blobs b JOIN sessions s ON s.sid = b.sid WHERE s.id = ? AND b.bytes IS NULL`;

/**
 * Removes the files of what was erased, once that is stored. With the write lock, and none that has a row:
 * a commit that brings the same blob again must not lose its file.
 */
export const removeErasedFiles = (
  connection: Connection,
  dataDir: string,
  erased: readonly ErasedFiles[],
): void => {
  for (const { sessionId, digests } of erased) {
    const folder = blobFolder(dataDir, sessionId);
    if (digests?.length === 0 || !existsSync(folder)) continue;
    connection.transact(false, () => {
      const rows = connection.all<{ digest: string }>(FILES, sessionId);
      const kept = new Set(rows.map(({ digest }) => blobPath(dataDir, sessionId, digest)));
      const paths =
        digests?.map((digest) => blobPath(dataDir, sessionId, digest)) ??
        readdirSync(folder).map((name) => join(folder, name));
      for (const path of paths) if (!kept.has(path)) rmSync(path, { force: true });
    });
    syncFolder(folder);
  }
};

const SETTLED = `SELECT id, sid, position, tail FROM sessions WHERE is_erased = 0
  AND status IN ('completed', 'failed', 'cancelled') AND updated_at < ? ORDER BY updated_at LIMIT ?`;

/** Erases up to `limit` sessions that settled before a time; answers how many. */
export const expireSessions = (
  transaction: Transaction,
  { settledBefore, limit }: { readonly settledBefore: Timestamp; readonly limit: number },
): number => {
  const settled = transaction.connection.all<{
    id: string;
    sid: number;
    position: number;
    tail: number;
  }>(SETTLED, settledBefore, limit);
  for (const { id, ...place } of settled) {
    eraseJournal(transaction, { ...place, sessionId: id }, null);
  }
  return settled.length;
};
