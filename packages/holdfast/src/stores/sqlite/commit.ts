import { sameBytes } from "../../core/hash-chain.ts";
import type { SessionId, Timestamp } from "../../core/ids.ts";
import type { ConflictReason } from "../../ports/journal-store.ts";
import { moveAccounts } from "./accounts.ts";
import { keepCommitBlobs, placeSignalBlobs } from "./blob-rows.ts";
import { addDuty } from "./duty-rows.ts";
import { appendEvents } from "./journal-rows.ts";
import { postSignal } from "./mailbox.ts";
import type { PlacedCommit } from "./messages.ts";
import type { Transaction } from "./transaction.ts";

/** The epoch when stored, else why not. */
export type CommitResult = number | ConflictReason;

type CommitRow = {
  readonly sid: number;
  readonly position: number;
  readonly hash: Uint8Array;
  readonly tail: number;
  readonly epoch: number;
  readonly gate: number;
  readonly holder: string | null;
  readonly lease_ttl: number | null;
  readonly lease_until: number | null;
  readonly wake_at: number | null;
  readonly status: string;
  readonly waiting: string | null;
  readonly min_reader: number;
};

const GET_SESSION = `SELECT sid, position, hash, tail, epoch, gate, holder, lease_ttl, lease_until, wake_at,
  status, waiting, min_reader FROM sessions WHERE id = ?`;
// The journal moves and nothing else does: no index changes. By far the most frequent commit.
const MOVE_JOURNAL = `UPDATE sessions SET position = ?, hash = ?, tail = ?, updated_at = ?, is_restored = 0,
  is_erased = 0 WHERE sid = ?`;
const MOVE_SESSION = `UPDATE sessions SET position = ?, hash = ?, tail = ?, updated_at = ?, is_restored = 0,
  is_erased = 0, status = ?, waiting = ?, wake_at = ?, epoch = ?, min_reader = ?, holder = ?, lease_ttl = ?,
  lease_until = ? WHERE sid = ?`;

/** Moves one session within a group commit: all of it or nothing (C1), a refusal touches no other (C3). */
export const applyCommit = (transaction: Transaction, commit: PlacedCommit): CommitResult => {
  const { connection } = transaction;
  const row = connection.get<CommitRow>(GET_SESSION, commit.sessionId);
  if (row === undefined) return "missing";
  const refusal = fenceReason(transaction, row, commit);
  if (refusal !== null) return refusal;
  if (commit.consume.length === 0 && commit.reserve.length === 0) {
    return store(transaction, row, commit);
  }
  // Only these can still be refused after something was written.
  connection.exec("SAVEPOINT one");
  const result = store(transaction, row, commit);
  connection.exec(typeof result === "number" ? "RELEASE one" : "ROLLBACK TO one; RELEASE one");
  return result;
};

/** Who may write: C3, C4, C5, C9, C16. Holds until the end: the write lock of the database is ours. */
const fenceReason = (
  transaction: Transaction,
  row: CommitRow,
  { expect, lease, isFenced }: PlacedCommit,
): ConflictReason | null => {
  if (row.epoch !== expect.epoch) return "epoch";
  // C16: a session that a newer version writes is not claimed
  if (lease.kind === "claim" && row.min_reader > transaction.journalVersion) return "reader";
  if (lease.kind === "claim" && isHeldByOther(transaction, row, lease.holder)) return "held";
  if (row.position !== expect.position || !sameBytes(row.hash, expect.headHash)) return "position";
  if (isFenced && row.gate !== expect.gate) return "gate";
  return null;
};

const isHeldByOther = (transaction: Transaction, row: CommitRow, holder: string): boolean =>
  row.holder !== null &&
  row.holder !== holder &&
  (row.lease_until ?? 0) > transaction.now &&
  !transaction.holders.isDead(row.holder);

const store = (transaction: Transaction, row: CommitRow, commit: PlacedCommit): CommitResult => {
  const { connection } = transaction;
  if (!consumeSignals(transaction, row, commit)) return "signal";
  if (!moveAccounts(connection, commit)) return "budget";
  const tail = appendEvents(transaction, row, commit.events);
  const epoch = moveSession(transaction, row, { commit, tail });
  keepCommitBlobs(transaction, row, commit);
  for (const signal of commit.post) postSignal(transaction, signal);
  for (const duty of commit.duties) addDuty(connection, duty);
  return epoch;
};

const moveSession = (
  { connection, now, journalVersion }: Transaction,
  row: CommitRow,
  { commit, tail }: { readonly commit: PlacedCommit; readonly tail: number },
): number => {
  const { lease, summary, wakeAt } = commit;
  const last = commit.events.at(-1);
  const end = [last?.position ?? row.position, last?.hash ?? row.hash, tail, now] as const;
  const isJournalOnly =
    lease.kind === "keep" &&
    row.status === summary.status &&
    row.waiting === summary.waiting &&
    row.wake_at === wakeAt;
  if (isJournalOnly) {
    connection.run(MOVE_JOURNAL, ...end, row.sid);
    return row.epoch;
  }
  const epoch = lease.kind === "claim" ? row.epoch + 1 : row.epoch;
  const minReader = lease.kind === "claim" ? journalVersion : row.min_reader;
  const state = [summary.status, summary.waiting, wakeAt, epoch, minReader] as const;
  connection.run(MOVE_SESSION, ...end, ...state, ...nextLease(row, commit, now), row.sid);
  return epoch;
};

/** Holder, time to live, end. */
const nextLease = (
  row: CommitRow,
  { lease }: PlacedCommit,
  now: Timestamp,
): readonly [string | null, number | null, number | null] => {
  switch (lease.kind) {
    case "claim":
      return [lease.holder, lease.ttlMs, now + lease.ttlMs];
    case "release":
      return [null, null, null];
    case "keep":
      return [row.holder, row.lease_ttl, row.lease_until];
  }
};

const DELETE_SIGNAL = "DELETE FROM signals WHERE id = ? AND sid = ? RETURNING has_blobs";

/** Takes signals out of the mailbox; false when one of them is not there (C8). */
const consumeSignals = (
  { connection }: Transaction,
  row: CommitRow,
  { consume, events }: PlacedCommit,
): boolean => {
  for (const id of consume) {
    const signal = signalNumber(id);
    const found = connection.get<{ has_blobs: number }>(DELETE_SIGNAL, signal, row.sid);
    if (found === undefined) return false;
    if (found.has_blobs === 1) placeSignalBlobs(connection, { signal, events, fallback: row.position });
  }
  return true;
};

const signalNumber = (id: SessionId): number => {
  const number = Number(id);
  return Number.isSafeInteger(number) ? number : -1;
};
