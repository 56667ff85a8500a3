import { createHash } from "node:crypto";
import { sameBytes } from "../../core/hash-chain.ts";
import type { PostAnswer, Signal, SignalKind } from "../../ports/journal-store.ts";
import { keepSignalBlobs } from "./blob-rows.ts";
import type { Connection } from "./connection.ts";
import type { SessionId } from "../../core/ids.ts";
import type { PostedSignal } from "./messages.ts";
import { isWhole } from "./row-sums.ts";
import { damagedError } from "./sqlite-errors.ts";
import type { Transaction } from "./transaction.ts";
import { erasedKey } from "./used-key.ts";

const FIND_SESSION = "SELECT sid, tenant FROM sessions WHERE id = ?";
const FIND_KEY = `SELECT run_id, salt, digest, ${isWhole("used_keys")} AS is_whole FROM used_keys
  WHERE sid = ? AND key IN (?, ?)`;
const PUT_KEY = "INSERT INTO used_keys (sid, key, run_id, salt, digest) VALUES (?, ?, ?, ?, ?)";
const PUT_SIGNAL = `INSERT INTO signals (sid, kind, dedupe_key, run_id, body, posted_at, has_blobs)
  VALUES (?, ?, ?, ?, ?, ?, ?)`;
const PUT_RUN = "INSERT INTO runs (run_id, sid) VALUES (?, ?) ON CONFLICT DO NOTHING";
const RAISE_GATE = "UPDATE sessions SET gate = gate + 1 WHERE sid = ?";
const LIST_SIGNALS = `SELECT id, kind, dedupe_key, run_id, body, posted_at, ${isWhole("signals")} AS is_whole
  FROM signals WHERE sid = ? ORDER BY id`;

const FIND_ACTIVITY = `SELECT status, waiting, ${isWhole("sessions")} AS is_whole,
  (SELECT COUNT(*) FROM signals WHERE signals.sid = sessions.sid AND kind = 'input') AS inputs
  FROM sessions WHERE sid = ?`;

type ActivityRow = {
  readonly status: string;
  readonly waiting: string | null;
  readonly is_whole: number;
  readonly inputs: number;
};

type KeyRow = {
  readonly run_id: string | null;
  readonly salt: Uint8Array | null;
  readonly digest: Uint8Array | null;
  readonly is_whole: number;
};

type SignalRow = {
  readonly id: number;
  readonly kind: SignalKind;
  readonly dedupe_key: string | null;
  readonly run_id: string | null;
  readonly body: string;
  readonly posted_at: number;
  readonly is_whole: number;
};

/** Puts one signal into its mailbox (C7, C9). */
export const postSignal = (transaction: Transaction, signal: PostedSignal): PostAnswer => {
  const { connection, now } = transaction;
  const { kind, dedupeKey, runId, body, blobs, fences, onlyIfIdle, onlyIfKnown } = signal;
  const found = connection.get<{ sid: number; tenant: string | null }>(FIND_SESSION, signal.sessionId);
  if (found === undefined) return { status: "missing" };
  const { sid, tenant } = found;
  if (dedupeKey !== null) {
    const used = connection.get<KeyRow>(FIND_KEY, sid, dedupeKey, erasedKey(signal.sessionId, dedupeKey));
    if (used !== undefined) {
      const isSame = isSameBody(signal.sessionId, used, body);
      return isSame ? { status: "duplicate", runId: used.run_id, tenant } : { status: "conflict" };
    }
  }
  if (onlyIfKnown === true) return { status: "unknown" };
  // S4: checked here, where nothing can come between
  if (onlyIfIdle === true && isActive(connection, sid, signal.sessionId)) return { status: "active" };
  if (dedupeKey !== null) {
    const digest = signal.salt === null ? null : bodyDigest(signal.salt, body);
    connection.run(PUT_KEY, sid, dedupeKey, runId, signal.salt, digest);
  }
  const hasBlobs = blobs.length > 0 ? 1 : 0;
  const id = connection.insert(PUT_SIGNAL, sid, kind, dedupeKey, runId, body, now, hasBlobs);
  keepSignalBlobs(transaction, { sid, signal: id }, signal);
  if (kind === "cancel" || fences === true) connection.run(RAISE_GATE, sid);
  if (kind === "input" && runId !== null) connection.run(PUT_RUN, runId, sid);
  return { status: "posted", signalId: String(id), runId, tenant };
};

/** Whether a run is open, waits its turn, or is in an input that nobody has read (C20). */
const isActive = (connection: Connection, sid: number, sessionId: SessionId): boolean => {
  const row = connection.get<ActivityRow>(FIND_ACTIVITY, sid);
  // J4: a row that was changed answers for nothing
  if (row?.is_whole !== 1)
    throw damagedError("the session's row is not as it was written", { sessionId, position: null });
  const { status, waiting, inputs } = row;
  return status === "running" || status === "suspended" || waiting !== null || inputs > 0;
};

/** Unread signals in the order of posting (C8). */
export const unreadSignals = (
  connection: Connection,
  { sid, sessionId }: { readonly sid: number; readonly sessionId: SessionId },
): Signal[] =>
  connection.all<SignalRow>(LIST_SIGNALS, sid).map((row) => {
    // J4: what was changed before it was read is not acted on
    if (row.is_whole !== 1)
      throw damagedError(`unread signal ${row.id} is not as it was written`, { sessionId, position: null });
    return {
      id: String(row.id),
      kind: row.kind,
      dedupeKey: row.dedupe_key,
      runId: row.run_id,
      body: row.body,
      postedAt: row.posted_at,
    };
  });

/** Once erased, a key has no digest any more and every body counts as the same (C13). */
const isSameBody = (sessionId: SessionId, row: KeyRow, body: string): boolean => {
  const { salt, digest } = row;
  // J4: a key that was changed answers for nothing
  if (row.is_whole !== 1)
    throw damagedError("a used key is not as it was written", { sessionId, position: null });
  return salt === null || digest === null || sameBytes(digest, bodyDigest(salt, body));
};

const bodyDigest = (salt: Uint8Array, body: string): Uint8Array =>
  createHash("sha256").update(salt).update(body).digest();
