import { type StoredEvent, sameBytes } from "../../core/hash-chain.ts";
import { JournalError } from "../../core/errors.ts";
import type { Position, Timestamp } from "../../core/ids.ts";
import type {
  CommitAnswer,
  CommitRequest,
  ConflictReason,
  Reservation,
  Settlement,
} from "../../ports/journal-store.ts";
import { headOf, isHeld, keepBlob, type MemoryData, postSignal, type SessionRecord } from "./memory-data.ts";

/** The process that commits: its time, and the version of its journals (C16). */
type Committer = { readonly now: Timestamp; readonly journalVersion: number };

/** Moves a session: every check comes before the first change, so a refusal changes nothing (C1, C3). */
export const commitInMemory = (data: MemoryData, request: CommitRequest, by: Committer): CommitAnswer => {
  const { now } = by;
  const record = data.sessions.get(request.sessionId);
  if (record === undefined) return { status: "conflict", reason: "missing" };
  const heldBy = isHeld(data, record, now) ? (record.lease?.holder ?? null) : null;
  const reason =
    fenceReason(record, request, { heldBy, journalVersion: by.journalVersion }) ??
    contentReason(data, record, request);
  if (reason !== null) return { status: "conflict", reason };
  // guard J2: positions follow each other
  assertPlaced(request.events, request.expect.position);
  moveHead(record, request, by);
  consumeSignals(record, request);
  placeBlobs(record, request);
  for (const signal of request.post) postSignal(data, signal, now);
  // guard O3: what is owed because of the events is kept with them
  for (const duty of request.duties) data.duties.add(duty);
  moveAccounts(data.accounts, data.reservations, request);
  return { status: "ok", epoch: record.epoch };
};

/** Positions follow each other without gaps (C14); anything else is a defect of the caller. */
export const assertPlaced = (events: readonly StoredEvent[], after: Position): void => {
  events.forEach((event, index) => {
    if (event.position === after + index + 1) return;
    throw new JournalError(
      "JOURNAL_INVALID",
      `Event ${event.position} does not follow position ${after + index}.`,
    );
  });
};

/** Who may write: C3, C4, C5, C9, C16. */
const fenceReason = (
  record: SessionRecord,
  { expect, lease, isFenced }: CommitRequest,
  { heldBy, journalVersion }: { readonly heldBy: string | null; readonly journalVersion: number },
): ConflictReason | null => {
  const head = headOf(record);
  // guard J2: an older epoch writes nothing
  if (head.epoch !== expect.epoch) return "epoch";
  // guard S6: a session of a newer version is not claimed
  if (lease.kind === "claim" && record.minReader > journalVersion) return "reader";
  // guard J2: a session that is held is not claimed
  if (lease.kind === "claim" && heldBy !== null && heldBy !== lease.holder) return "held";
  // guard J2: what was read must still be the end
  if (
    head.position !== expect.position ||
    /* guard J2: and the same end */ !sameBytes(head.hash, expect.headHash)
  )
    return "position";
  // guard E5: nothing starts under an older gate
  if (isFenced && record.gate !== expect.gate) return "gate";
  return null;
};

/** What is written: C8, C15. */
const contentReason = (
  data: MemoryData,
  record: SessionRecord,
  request: CommitRequest,
): ConflictReason | null => {
  const unread = new Set(record.signals.map((signal) => signal.id));
  for (const id of request.consume) {
    // guard J6: a signal is read once
    if (!unread.delete(id)) return "signal";
  }
  if (request.reserve.length === 0) return null;
  // On copies: a refused commit must not have moved an account.
  const isWithin = moveAccounts(new Map(data.accounts), new Map(data.reservations), request);
  return isWithin ? null : "budget";
};

const moveHead = (
  record: SessionRecord,
  request: CommitRequest,
  { now, journalVersion }: Committer,
): void => {
  const { lease } = request;
  // guard J1: the events are kept
  record.events.push(...request.events);
  // guard S3: the time to wake is kept
  record.wakeAt = request.wakeAt;
  record.summary = request.summary;
  record.updatedAt = now;
  record.isErased = false;
  // guard S3: a session that is let go has no lease
  if (lease.kind === "release") record.lease = null;
  if (lease.kind !== "claim") return;
  record.lease = { holder: lease.holder, ttlMs: lease.ttlMs, expiresAt: now + lease.ttlMs };
  record.minReader = journalVersion;
  // guard J2: every claim is a new epoch
  record.epoch += 1;
};

const consumeSignals = (record: SessionRecord, request: CommitRequest): void => {
  if (request.consume.length === 0) return;
  const consumed = new Set(request.consume);
  // guard J6: what was read leaves the mailbox
  record.signals = record.signals.filter((signal) => !consumed.has(signal.id));
};

/** Ties blobs to the last event that mentions them: the commit's own, and those of the signals it records. */
const placeBlobs = (record: SessionRecord, { events, blobs, consume }: CommitRequest): void => {
  const { position } = headOf(record);
  for (const blob of blobs) {
    keepBlob(record, blob, { position: lastMention(events, blob.digest) ?? position, signal: null });
  }
  for (const [digest, kept] of record.blobs) {
    if (kept.signal === null || !consume.includes(kept.signal)) continue;
    kept.signal = null;
    kept.position = lastMention(events, digest) ?? position;
  }
};

/** The position of the last event whose content mentions a digest. */
const lastMention = (events: readonly StoredEvent[], digest: string): Position | null => {
  const found = events.findLast(
    (event) => event.payload?.includes(digest) === true || event.header.includes(digest),
  );
  return found?.position ?? null;
};

/** Settles, then reserves, so that what is given back counts. Answers whether every limit holds (C15). */
const moveAccounts = (
  accounts: Map<string, number>,
  reservations: Map<string, number>,
  change: { readonly settle: readonly Settlement[]; readonly reserve: readonly Reservation[] },
): boolean => {
  for (const { id, account, amount } of change.settle) {
    const key = `${id}\n${account}`;
    const reserved = reservations.get(key) ?? 0;
    reservations.delete(key);
    accounts.set(account, (accounts.get(account) ?? 0) - reserved + amount);
  }
  for (const { id, account, amount, limit } of change.reserve) {
    const key = `${id}\n${account}`;
    const total = (accounts.get(account) ?? 0) - (reservations.get(key) ?? 0) + amount;
    if (total > limit) return false;
    accounts.set(account, total);
    reservations.set(key, amount);
  }
  return true;
};
