import { existsSync } from "node:fs";
import type { StoredEvent } from "../../core/hash-chain.ts";
import type { Position, SessionId } from "../../core/ids.ts";
import { blobPath } from "./blob-files.ts";
import type { Connection } from "./connection.ts";
import type { PlacedCommit, PostedSignal } from "./messages.ts";
import { unavailableError } from "./sqlite-errors.ts";
import type { Transaction } from "./transaction.ts";

const PUT_BLOB = `INSERT INTO blobs (sid, digest, position, signal, bytes) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (sid, digest) DO UPDATE SET position = coalesce(excluded.position, position),
  signal = coalesce(excluded.signal, signal)`;
const SIGNAL_BLOBS = "SELECT sid, digest FROM blobs WHERE signal = ?";
const PLACE_BLOB = "UPDATE blobs SET position = ?, signal = NULL WHERE sid = ? AND digest = ?";

/** Stores a commit's blobs under the last event that mentions each, so that erasing up to it finds them. */
export const keepCommitBlobs = (
  { connection, dataDir }: Transaction,
  row: { readonly sid: number; readonly position: Position },
  { sessionId, blobs, events }: PlacedCommit,
): void => {
  for (const { digest, bytes } of blobs) {
    if (bytes === null) assertFile(dataDir, sessionId, digest);
    const position = lastMention(events, digest) ?? events.at(-1)?.position ?? row.position;
    connection.run(PUT_BLOB, row.sid, digest, position, null, bytes);
  }
};

/** Stores the blobs of a signal that nobody has read yet. */
export const keepSignalBlobs = (
  { connection, dataDir }: Transaction,
  at: { readonly sid: number; readonly signal: number },
  { sessionId, blobs }: PostedSignal,
): void => {
  for (const { digest, bytes } of blobs) {
    if (bytes === null) assertFile(dataDir, sessionId, digest);
    connection.run(PUT_BLOB, at.sid, digest, null, at.signal, bytes);
  }
};

/** Ties a signal's blobs to the events that record it. */
export const placeSignalBlobs = (
  connection: Connection,
  {
    signal,
    events,
    fallback,
  }: {
    readonly signal: number;
    readonly events: readonly StoredEvent[];
    readonly fallback: Position;
  },
): void => {
  for (const { sid, digest } of connection.all<{ sid: number; digest: string }>(SIGNAL_BLOBS, signal)) {
    connection.run(PLACE_BLOB, lastMention(events, digest) ?? fallback, sid, digest);
  }
};

const lastMention = (events: readonly StoredEvent[], digest: string): Position | null => {
  const found = events.findLast(
    (event) => event.payload?.includes(digest) === true || event.header.includes(digest),
  );
  return found?.position ?? null;
};

/** An erasure may have removed the file between its writing and this transaction; then it is written again. */
const assertFile = (dataDir: string, sessionId: SessionId, digest: string): void => {
  if (existsSync(blobPath(dataDir, sessionId, digest))) return;
  throw unavailableError("A blob's file was removed before it could be recorded.");
};
