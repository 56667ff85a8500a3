import type { StoredEvent } from "../core/hash-chain.ts";
import type { Position, RunId, SessionId, SignalId, Timestamp } from "../core/ids.ts";
import type { RunStatus } from "../core/session-state.ts";
import type { DueDutiesQuery, Duty, DutyChange, DutyPage, DutyQuery, NewDuty, NextWake } from "./duty.ts";

/**
 * The journal store: the only durable thing there is. Contract, cited by the conformance suite:
 *
 * C1  `commit` is one transaction: all of it is stored, or nothing (J1, J6).
 * C2  `ok` is answered only when the commit would survive a power loss.
 * C3  A commit whose expectation does not hold changes nothing and answers `conflict` (J2); in a
 *     group commit only that session's request is refused.
 * C4  The epoch is compared at commit time. A lease that has run out does not fence by itself; a newer epoch does.
 * C5  `claim` succeeds on a free lease, an expired one, one of a holder proven dead, or our own; it raises the epoch by one.
 * C6  When it cannot be known whether a commit is stored, the answer is `indeterminate`; once the store works
 *     again, `head` tells. A stored head equal to the commit's last hash means it was stored.
 * C7  A signal is posted once per (session, dedupe key), for the session's life; the same key with the same body
 *     answers with the first signal's run, with another body `conflict` (J5).
 * C8  Signals are consumed by id in the commit that records them; a consumed signal is never listed again (J6).
 *     Signals are listed in the order of posting. Consuming a signal that is not there is a conflict.
 * C9  A `cancel` signal, and any that `fences`, raises the session's gate in the post's transaction, and an erasure in its
 *     own; a commit that is fenced is refused with an older gate (E5, J4).
 * C10 `due` lists sessions with unread signals or a wake time that has come, that nobody alive holds, of the agents asked for.
 *     A lease that was never released and whose holder is dead or whose time has run out is a reason of its own.
 *     Where more are due than asked for, tenants take turns: no tenant has two more in the answer than another that has
 *     further ones due, so the many of one do not hide the few of another (S1).
 * C11 Times in leases, wake times and `due` are compared with the store's own clock.
 * C12 Snapshots may be lost at any time. A snapshot that does not belong to the journal's hash at its position is not returned.
 * C13 Erasing removes payload, salt, snapshots, blobs and unread signals' bodies; headers and hashes stay and still verify (J4).
 *     Erasing a whole session leaves its unread signals with the body `null` and without their keys; used keys then match any
 *     body, and what they say is in no file any more. It is answered when all that is gone from the log, too.
 * C14 Events of one session are read in order of position, without gaps.
 * C15 Reservations change an account only if its total stays within the limit; else the commit is refused with `budget` and nothing is stored (E8).
 * C16 A store reads and writes journals up to one version, that of its process. Creating or claiming a session notes it
 *     as the least that reads the session, and it only rises. A session that needs a newer version is not claimed
 *     (`reader`), and `due` and `nextWake` do not name it (S6).
 * C17 A duty is changed only by who names its last revision, and made only where there is none of its kind and id;
 *     anything else changes nothing and answers `conflict`.
 * C18 `dueDuties` lists those of the assignees asked for whose time has come, the longest due first; of a lane only
 *     the first by place that has a time at all. Times are compared with the store's clock.
 * C19 The duties of a commit are stored with its events or not at all; one that is there already stays as it is.
 * C20 A signal that is `onlyIfIdle` is refused with `active`, in the post's transaction and without using up its key,
 *     while a run of the session is active: an input is unread, or by its summary a run is open or waits its turn. A
 *     key that was used before is answered as such all the same (S4, C7).
 * C21 A signal that is `onlyIfKnown` is never stored: its key answers `duplicate` or `conflict` as ever, and one that was
 *     never used `unknown`, and stays so.
 */
export interface JournalStore {
  /**
   * This process, as the holder of leases. Only leases taken under this name can be proven dead (C5):
   * others are taken over when they have run out.
   */
  readonly holderId: string;
  /** Creates the session with its first events. Answers `exists` when the id is taken; nothing changes then. */
  create(request: CreateRequest): Promise<"created" | "exists">;
  /** Moves a session: see C1–C6. */
  commit(request: CommitRequest): Promise<CommitAnswer>;
  /** Everything a worker needs to go on with a session; undefined when there is none. */
  load(sessionId: SessionId): Promise<LoadedSession | undefined>;
  /** Where the journal ends; undefined when there is no such session. */
  head(sessionId: SessionId): Promise<SessionHead | undefined>;
  /** Up to `limit` events after a position, in order. `omitPayload` reads headers only. */
  read(
    sessionId: SessionId,
    after: Position,
    options: { readonly limit: number; readonly omitPayload?: boolean },
  ): Promise<readonly StoredEvent[]>;
  /** Single events by position, in the order asked; missing ones are left out. */
  readAt(sessionId: SessionId, positions: readonly Position[]): Promise<readonly StoredEvent[]>;
  /** Keeps a fold; see C12. Never makes a commit wait. */
  saveSnapshot(sessionId: SessionId, snapshot: Snapshot): Promise<void>;
  /**
   * Puts signals into mailboxes; see C7, C9. One answer per signal, in order.
   *
   * @throws StoreError `STORE_UNAVAILABLE` when it is not known whether they are stored: with a dedupe key the
   * same post can simply be tried again.
   */
  post(signals: readonly NewSignal[]): Promise<readonly PostAnswer[]>;
  /** Prolongs leases that are still ours at their epoch by the time they were claimed for; answers the sessions that were lost. */
  renew(
    holder: string,
    leases: readonly { readonly sessionId: SessionId; readonly epoch: number }[],
  ): Promise<readonly SessionId[]>;
  /** See C10. */
  due(query: DueQuery): Promise<readonly DueSession[]>;
  /** When the first session of these agents, and the first duty of these assignees, has to be looked at. */
  nextWake(agents: readonly string[], assignees: readonly string[]): Promise<NextWake>;
  /** See C17. */
  changeDuty(change: DutyChange): Promise<"ok" | "conflict">;
  /** See C18. */
  dueDuties(query: DueDutiesQuery): Promise<readonly Duty[]>;
  listDuties(query: DutyQuery): Promise<DutyPage>;
  list(query: ListQuery): Promise<SessionPage>;
  /** The session a run belongs to; known from the moment its input is posted. */
  findRun(runId: RunId): Promise<SessionId | undefined>;
  /** Accounts by name, or a page of all of them in order of their names; see C15. Those nobody ever used are left out. */
  accounts(query: AccountQuery): Promise<readonly Account[]>;
  /** Bytes stored beside the journal, by digest (base64url SHA-256), owned by one session. */
  readBlob(sessionId: SessionId, digest: string): Promise<Uint8Array | undefined>;
  /** Removes content up to a position, or of the whole session; see C13. */
  erase(sessionId: SessionId, options?: { readonly upTo?: Position }): Promise<void>;
  /** Erases the content of sessions that settled before a time. Answers how many. */
  expire(settledBefore: Timestamp): Promise<number>;
  /** Writes a consistent copy that another process can open. Sessions open in it are `restored` when it is. */
  backup(path: string): Promise<void>;
  /** Reads everything and names what is damaged. */
  check(): Promise<readonly Damage[]>;
  /**
   * Calls back when sessions may have got signals or events from elsewhere: not through this store, whose
   * own answers say as much. Answers how to stop.
   */
  onChange(listener: (sessions: readonly SessionId[] | "unknown") => void): () => void;
  /** Answers whether the store can be written to; tries to get it working again when it could not. */
  recover(): Promise<boolean>;
  close(): Promise<void>;
}

/** What listings and `due` know of a session without reading its journal; rewritten by each commit. */
export type SessionSummary = {
  readonly status: RunStatus;
  /** The kind of wait a suspended run is in, for finding them; `turn` where runs wait and none is open; else null. */
  readonly waiting: string | null;
};

export type SessionOwner = {
  readonly agent: string;
  readonly tenant: string | null;
  readonly user: string | null;
};

export type Blob = { readonly digest: string; readonly bytes: Uint8Array };

export type CreateRequest = {
  readonly sessionId: SessionId;
  readonly owner: SessionOwner;
  readonly events: readonly StoredEvent[];
};

export type CommitRequest = {
  readonly sessionId: SessionId;
  readonly expect: {
    readonly position: Position;
    readonly headHash: Uint8Array;
    readonly epoch: number;
    /** Compared only when `isFenced`. */
    readonly gate: number;
  };
  readonly lease: LeaseChange;
  /** When the session is owed attention though nothing arrives; null for never. */
  readonly wakeAt: Timestamp | null;
  readonly events: readonly StoredEvent[];
  /** Whether an event in here begins an effect, or has content: it may say again what was read before (C9). */
  readonly isFenced: boolean;
  readonly blobs: readonly Blob[];
  readonly consume: readonly SignalId[];
  /** To any session. Repeated ones, and those for a session that does not exist, are dropped. */
  readonly post: readonly NewSignal[];
  /** What is owed because of these events; see C19. */
  readonly duties: readonly NewDuty[];
  /** Settlements are made first, so that what they give back counts. */
  readonly reserve: readonly Reservation[];
  readonly settle: readonly Settlement[];
  readonly summary: SessionSummary;
  /** Force a full sync even where durability is relaxed. */
  readonly mustSync: boolean;
};

export type LeaseChange =
  | { readonly kind: "claim"; readonly holder: string; readonly ttlMs: number }
  | { readonly kind: "keep" }
  | { readonly kind: "release" };

export type CommitAnswer =
  | { readonly status: "ok"; readonly epoch: number }
  | { readonly status: "conflict"; readonly reason: ConflictReason }
  | { readonly status: "indeterminate" };

/** The first that applies, in the order of `missing, epoch, reader, held, position, gate, signal, budget`. */
export type ConflictReason =
  | "missing"
  | "position"
  | "epoch"
  | "reader"
  | "held"
  | "gate"
  | "signal"
  | "budget";

/** Takes `amount` from an account until it is settled. The id is the attempt's. */
export type Reservation = {
  readonly id: string;
  readonly account: string;
  readonly amount: number;
  readonly limit: number;
};

/** What an account holds. */
export type Account = {
  readonly account: string;
  /** Settled and set aside together: what is held against a limit. */
  readonly total: number;
  /** The part of it that is only set aside. */
  readonly reserved: number;
};

export type AccountQuery =
  | { readonly names: readonly string[] }
  | { readonly limit: number; readonly after?: string; readonly prefix?: string };

/** Replaces a reservation by what was really spent. */
export type Settlement = { readonly id: string; readonly account: string; readonly amount: number };

export type SessionHead = {
  readonly position: Position;
  readonly hash: Uint8Array;
  readonly epoch: number;
  readonly gate: number;
};

export type LoadedSession = {
  readonly head: SessionHead;
  readonly owner: SessionOwner;
  readonly lease: Lease | null;
  /** The least version that reads this journal (C16). */
  readonly minReader: number;
  /** True until the first commit after a backup was restored with this session open. */
  readonly isRestored: boolean;
  readonly snapshot: Snapshot | null;
  /** Events after the snapshot. */
  readonly tail: readonly StoredEvent[];
  readonly signals: readonly Signal[];
  /** The store's clock. */
  readonly now: Timestamp;
};

export type Lease = {
  readonly holder: string;
  readonly expiresAt: Timestamp;
  /** The holder's process is gone for certain: nothing of it runs any more. */
  readonly isHolderDead: boolean;
};

export type Snapshot = {
  readonly position: Position;
  readonly headHash: Uint8Array;
  readonly stateVersion: number;
  /** JSON of the state. */
  readonly state: string;
};

export type SignalKind =
  | "input"
  | "cancel"
  | "cancel-call"
  | "pause"
  | "signal"
  | "resolve"
  | "decide"
  | "result"
  | "resume"
  | "late"
  | "raise";

export type NewSignal = {
  readonly sessionId: SessionId;
  readonly kind: SignalKind;
  /** Absent keys never collide. */
  readonly dedupeKey: string | null;
  /** The run this signal begins or is about. */
  readonly runId: RunId | null;
  /** JSON. */
  readonly body: string;
  readonly blobs: readonly Blob[];
  /** Raises the gate, as a cancel always does (C9). */
  readonly fences?: boolean;
  /** Refused while a run is active (C20). */
  readonly onlyIfIdle?: boolean;
  /** Asks whether its key was used, and stores nothing (C21). */
  readonly onlyIfKnown?: boolean;
};

export type Signal = {
  readonly id: SignalId;
  readonly kind: SignalKind;
  readonly dedupeKey: string | null;
  readonly runId: RunId | null;
  readonly body: string;
  readonly postedAt: Timestamp;
};

export type PostAnswer =
  | {
      readonly status: "posted";
      readonly signalId: SignalId;
      readonly runId: RunId | null;
      /** Of the session, for whose turn it is to be worked. */
      readonly tenant: string | null;
    }
  | { readonly status: "duplicate"; readonly runId: RunId | null; readonly tenant: string | null }
  | { readonly status: "conflict" }
  | { readonly status: "active" }
  | { readonly status: "unknown" }
  | { readonly status: "missing" };

export type DueSession = { readonly sessionId: SessionId; readonly tenant: string | null };

export type DueQuery = {
  readonly agents: readonly string[];
  readonly limit: number;
};

export type ListQuery = {
  readonly agent?: string;
  readonly tenant?: string;
  readonly user?: string;
  readonly status?: RunStatus;
  readonly waiting?: string;
  readonly limit: number;
  /** From the page before; pages go from the newest session to the oldest. */
  readonly cursor?: string;
};

export type ListedSession = SessionOwner & {
  readonly sessionId: SessionId;
  readonly status: RunStatus;
  readonly waiting: string | null;
  readonly position: Position;
  readonly createdAt: Timestamp;
  readonly updatedAt: Timestamp;
  readonly wakeAt: Timestamp | null;
  readonly unreadSignals: number;
};

export type SessionPage = {
  readonly sessions: readonly ListedSession[];
  readonly cursor: string | null;
};

/** One damaged place, and what can be saved. */
export type Damage = {
  readonly sessionId: SessionId | null;
  readonly position: Position | null;
  readonly what: string;
  /** Events of this session before the damage, which can still be read. */
  readonly intactUpTo: Position | null;
};
