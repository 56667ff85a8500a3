import type { StoredEvent } from "../../core/hash-chain.ts";
import type { Position, RunId, SessionId, SignalId, Timestamp } from "../../core/ids.ts";
import type {
  Lease,
  NewSignal,
  PostAnswer,
  SessionHead,
  SessionOwner,
  SessionSummary,
  Signal,
  Snapshot,
} from "../../ports/journal-store.ts";
import { MemoryDuties } from "./memory-duties.ts";

/** What a used dedupe key remembers: for the session's life, longer than its signal (C7). */
type UsedKey = {
  readonly runId: RunId | null;
  /** Null once erased: then any body counts as the same (C13). */
  body: string | null;
};

type KeptBlob = {
  readonly bytes: Uint8Array;
  /** The last event that mentions it; null where only an unread signal does. */
  position: Position | null;
  /** The last unread signal that brings it. */
  signal: SignalId | null;
};

/** One session as the in-memory store keeps it. */
export type SessionRecord = {
  readonly sessionId: SessionId;
  /** Place in the order of creation. */
  readonly serial: number;
  readonly owner: SessionOwner;
  readonly createdAt: Timestamp;
  updatedAt: Timestamp;
  readonly events: StoredEvent[];
  epoch: number;
  gate: number;
  /** The least version that reads the journal (C16). */
  minReader: number;
  lease: { readonly holder: string; readonly ttlMs: number; readonly expiresAt: Timestamp } | null;
  wakeAt: Timestamp | null;
  summary: SessionSummary;
  snapshot: Snapshot | null;
  signals: Signal[];
  readonly keys: Map<string, UsedKey>;
  readonly blobs: Map<string, KeptBlob>;
  isErased: boolean;
};

/** Everything handles on one in-memory store share. */
export type MemoryData = {
  readonly sessions: Map<SessionId, SessionRecord>;
  readonly runs: Map<RunId, SessionId>;
  /** Spent and reserved, by account. */
  readonly accounts: Map<string, number>;
  /** Amounts by reservation and account, as `id\naccount`. */
  readonly reservations: Map<string, number>;
  /** Holders whose handle was closed: nothing of them runs any more. */
  readonly deadHolders: Set<string>;
  readonly duties: MemoryDuties;
  readonly listeners: Map<(sessions: readonly SessionId[]) => void, string>;
  sessionCount: number;
  signalCount: number;
};

export const emptyData = (): MemoryData => ({
  sessions: new Map(),
  runs: new Map(),
  accounts: new Map(),
  reservations: new Map(),
  deadHolders: new Set(),
  duties: new MemoryDuties(),
  listeners: new Map(),
  sessionCount: 0,
  signalCount: 0,
});

export const headOf = (record: SessionRecord): SessionHead => {
  const last = record.events.at(-1);
  return {
    position: last?.position ?? 0,
    hash: last?.hash ?? new Uint8Array(32),
    epoch: record.epoch,
    gate: record.gate,
  };
};

export const leaseOf = (data: MemoryData, record: SessionRecord): Lease | null =>
  record.lease === null
    ? null
    : {
        holder: record.lease.holder,
        expiresAt: record.lease.expiresAt,
        isHolderDead: data.deadHolders.has(record.lease.holder),
      };

/** Whether a holder that may still be running has the session (C5, C11). */
export const isHeld = (data: MemoryData, record: SessionRecord, now: Timestamp): boolean => {
  const lease = leaseOf(data, record);
  return (
    lease !== null &&
    /* guard J2: a lease runs out */ lease.expiresAt > now &&
    /* guard J2: the lease of the dead is free */ !lease.isHolderDead
  );
};

/** Posts one signal (C7, C9). */
export const postSignal = (data: MemoryData, signal: NewSignal, now: Timestamp): PostAnswer => {
  const record = data.sessions.get(signal.sessionId);
  if (record === undefined) return { status: "missing" };
  if (signal.onlyIfKnown === true && !isUsed(record, signal.dedupeKey)) return { status: "unknown" };
  const isMeant = signal.onlyIfIdle !== true || !isActive(record);
  // guard S4: what is only for an idle session is refused while a run is active
  if (!isMeant && !isUsed(record, signal.dedupeKey)) return { status: "active" };
  if (signal.dedupeKey !== null) {
    const used = record.keys.get(signal.dedupeKey);
    // guard J5: a key is used once
    if (used !== undefined) {
      const isSame = used.body === null || used.body === signal.body;
      return isSame
        ? { status: "duplicate", runId: used.runId, tenant: record.owner.tenant }
        : /* guard J5: a key with another body is refused */ { status: "conflict" };
    }
    // guard J5: keys are remembered
    record.keys.set(signal.dedupeKey, { runId: signal.runId, body: signal.body });
  }
  data.signalCount += 1;
  const id = String(data.signalCount);
  const { kind, dedupeKey, runId, body } = signal;
  // guard J1: what is posted is kept
  record.signals.push({ id, kind, dedupeKey, runId, body, postedAt: now });
  // guard E5: a cancel raises the gate
  if (kind === "cancel" || signal.fences === true) record.gate += 1;
  if (kind === "input" && runId !== null && !data.runs.has(runId)) {
    data.runs.set(runId, record.sessionId);
  }
  for (const blob of signal.blobs) keepBlob(record, blob, { position: null, signal: id });
  return { status: "posted", signalId: id, runId, tenant: record.owner.tenant };
};

/** Whether a run is open, waits its turn, or is in an input that nobody has read (C20). */
const isActive = ({ summary, signals }: SessionRecord): boolean =>
  summary.status === "running" ||
  summary.status === "suspended" ||
  /* guard S4: a run that waits its turn is active */ summary.waiting !== null ||
  /* guard S4: so is one that nobody has read of */ signals.some(({ kind }) => kind === "input");

const isUsed = ({ keys }: SessionRecord, key: string | null): boolean => key !== null && keys.has(key);

/** Stores a blob under the last event that mentions it, so that erasing up to that event finds it. */
export const keepBlob = (
  record: SessionRecord,
  { digest, bytes }: { readonly digest: string; readonly bytes: Uint8Array },
  { position, signal }: { readonly position: Position | null; readonly signal: SignalId | null },
): void => {
  const kept = record.blobs.get(digest) ?? { bytes, position, signal };
  kept.position = position ?? kept.position;
  kept.signal = signal ?? kept.signal;
  record.blobs.set(digest, kept);
};
