import { createHash } from "node:crypto";
import { sameBytes } from "../../core/hash-chain.ts";
import type { SessionId, Timestamp } from "../../core/ids.ts";
import type { Lease, LoadedSession, SessionHead, SessionOwner, Snapshot } from "../../ports/journal-store.ts";
import type { Connection } from "./connection.ts";
import type { HolderWatch } from "./holder-watch.ts";
import { type JournalPlace, readEventAt, readEvents } from "./journal-rows.ts";
import { unreadSignals } from "./mailbox.ts";
import { isWhole } from "./row-sums.ts";
import { damagedError } from "./sqlite-errors.ts";

type SessionRow = SessionHead & {
  readonly sid: number;
  readonly tail: number;
  readonly agent: string;
  readonly tenant: string | null;
  readonly user: string | null;
  readonly holder: string | null;
  readonly lease_until: number | null;
  readonly is_restored: number;
  readonly min_reader: number;
  readonly is_whole: number;
};

const GET_SESSION = `SELECT sid, position, hash, epoch, gate, tail, agent, tenant, user, holder, lease_until,
  is_restored, min_reader, ${isWhole("sessions")} AS is_whole FROM sessions WHERE id = ?`;
const GET_SNAPSHOT =
  "SELECT position, head_hash, state_version, checksum, state FROM snapshots WHERE sid = ?";

const findRow = (connection: Connection, sessionId: SessionId): SessionRow | undefined =>
  connection.get<SessionRow>(GET_SESSION, sessionId);

export const findJournal = (connection: Connection, sessionId: SessionId): JournalPlace | undefined => {
  const row = findRow(connection, sessionId);
  return row === undefined ? undefined : { sessionId, sid: row.sid, position: row.position, tail: row.tail };
};

export const findHead = (connection: Connection, sessionId: SessionId): SessionHead | undefined => {
  const row = findRow(connection, sessionId);
  return row === undefined ? undefined : headOf(row);
};

/** Everything a worker needs to go on with a session. */
export const loadSession = (
  connection: Connection,
  holders: HolderWatch,
  { sessionId, now }: { readonly sessionId: SessionId; readonly now: Timestamp },
): LoadedSession | undefined => {
  const row = findRow(connection, sessionId);
  if (row === undefined) return undefined;
  // J4: a session whose row was changed is not worked
  if (row.is_whole !== 1)
    throw damagedError("the session's row is not as it was written", { sessionId, position: null });
  const journal = { sessionId, sid: row.sid, position: row.position, tail: row.tail };
  const snapshot = validSnapshot(connection, journal);
  const tail = readEvents(connection, journal, {
    after: snapshot?.position ?? 0,
    last: row.position,
  });
  const last = tail.at(-1);
  if (last !== undefined && !sameBytes(last.hash, row.hash)) {
    throw damagedError("the last event is not the one the session ends with", {
      sessionId,
      position: row.position,
    });
  }
  const owner: SessionOwner = { agent: row.agent, tenant: row.tenant, user: row.user };
  return {
    head: headOf(row),
    owner,
    lease: leaseOf(row, holders),
    minReader: row.min_reader,
    isRestored: row.is_restored === 1,
    snapshot,
    tail,
    signals: unreadSignals(connection, journal),
    now,
  };
};

const headOf = ({ position, hash, epoch, gate }: SessionRow): SessionHead => ({
  position,
  hash,
  epoch,
  gate,
});

const leaseOf = ({ holder, lease_until: until }: SessionRow, holders: HolderWatch): Lease | null =>
  holder === null ? null : { holder, expiresAt: until ?? 0, isHolderDead: holders.isDead(holder) };

type SnapshotRow = {
  readonly position: number;
  readonly head_hash: Uint8Array;
  readonly state_version: number;
  readonly checksum: Uint8Array;
  readonly state: string;
};

/** The snapshot, unless it is damaged or belongs to another history (C12). */
const validSnapshot = (connection: Connection, journal: JournalPlace): Snapshot | null => {
  const row = connection.get<SnapshotRow>(GET_SNAPSHOT, journal.sid);
  if (row === undefined || row.position > journal.position) return null;
  if (!sameBytes(row.checksum, stateChecksum(row.state))) return null;
  const event = readEventAt(connection, journal, row.position);
  if (event === undefined || !sameBytes(event.hash, row.head_hash)) return null;
  return {
    position: row.position,
    headHash: row.head_hash,
    stateVersion: row.state_version,
    state: row.state,
  };
};

const PUT_SNAPSHOT = `INSERT INTO snapshots (sid, position, head_hash, state_version, checksum, state)
  SELECT sid, ?, ?, ?, ?, ? FROM sessions WHERE id = ? AND position >= ?
  ON CONFLICT (sid) DO UPDATE SET position = excluded.position, head_hash = excluded.head_hash,
  state_version = excluded.state_version, checksum = excluded.checksum, state = excluded.state
  WHERE excluded.position >= snapshots.position`;

export const saveSnapshot = (connection: Connection, sessionId: SessionId, snapshot: Snapshot): void => {
  const { position, headHash, stateVersion, state } = snapshot;
  const values = [position, headHash, stateVersion, stateChecksum(state), state] as const;
  connection.run(PUT_SNAPSHOT, ...values, sessionId, position);
};

const stateChecksum = (state: string): Uint8Array => createHash("sha256").update(state).digest();
