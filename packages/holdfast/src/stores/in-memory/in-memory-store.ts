import type { Sha256 } from "../../core/hash-chain.ts";
import { ConfigurationError, NotFoundError, StoreError } from "../../core/errors.ts";
import { EVENT_VERSION } from "../../core/event.ts";
import type { SessionId, Timestamp } from "../../core/ids.ts";
import { FairQueue } from "../../core/fair-queue.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DueDutiesQuery, Duty, DutyChange, DutyPage, DutyQuery, NextWake } from "../../ports/duty.ts";
import type {
  Account,
  AccountQuery,
  CreateRequest,
  DueQuery,
  DueSession,
  JournalStore,
  ListedSession,
  ListQuery,
  LoadedSession,
  SessionPage,
} from "../../ports/journal-store.ts";
import { readAccounts } from "./memory-accounts.ts";
import { assertPlaced, commitInMemory } from "./memory-commit.ts";
import {
  emptyData,
  headOf,
  isHeld,
  leaseOf,
  type MemoryData,
  postSignal,
  type SessionRecord,
} from "./memory-data.ts";
import { eraseContent, findDamage } from "./memory-erase.ts";

/** The in-memory store: the readable reference. Nothing in it survives the process. */
export type InMemoryStore = JournalStore & {
  /**
   * Another process's view of the same data, with a holder id of its own. Closing a view is the death
   * of its process: its leases are free at once (C5). The version of its journals (C16) is this
   * package's unless another is given.
   */
  attach(journalVersion?: number): InMemoryStore;
};

type InMemoryOptions = {
  readonly clock: Clock;
  /** Lets `check` follow the hash chain. */
  readonly sha256?: Sha256;
  /** The version of the journals that this process reads and writes (C16); that of this package by default. */
  readonly journalVersion?: number;
};

const SETTLED: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"]);

/** Makes a store that lives as long as the process. */
export const createInMemoryStore = (options: InMemoryOptions): InMemoryStore =>
  openView(options, emptyData());

const openView = (options: InMemoryOptions, data: MemoryData): InMemoryStore => new View(options, data);

class View implements InMemoryStore {
  readonly holderId: string;
  readonly #clock: Clock;
  readonly #sha256: Sha256 | undefined;
  readonly #data: MemoryData;
  readonly #journalVersion: number;
  #isClosed = false;

  constructor({ clock, sha256, journalVersion }: InMemoryOptions, data: MemoryData) {
    this.holderId = clock.newId();
    this.#clock = clock;
    this.#sha256 = sha256;
    this.#data = data;
    this.#journalVersion = journalVersion ?? EVENT_VERSION;
  }

  attach(journalVersion = EVENT_VERSION): InMemoryStore {
    const hash = this.#sha256 === undefined ? {} : { sha256: this.#sha256 };
    return openView({ clock: this.#clock, journalVersion, ...hash }, this.#data);
  }

  async create({ sessionId, owner, events }: CreateRequest): Promise<"created" | "exists"> {
    const data = this.#open();
    // guard J5: a session is made once
    if (data.sessions.has(sessionId)) return "exists";
    assertPlaced(events, 0);
    const now = this.#clock.now();
    data.sessionCount += 1;
    data.sessions.set(sessionId, {
      sessionId,
      serial: data.sessionCount,
      owner,
      createdAt: now,
      updatedAt: now,
      events: [...events],
      epoch: 0,
      gate: 0,
      minReader: this.#journalVersion,
      lease: null,
      wakeAt: null,
      summary: { status: "pending", waiting: null },
      snapshot: null,
      signals: [],
      keys: new Map(),
      blobs: new Map(),
      isErased: false,
    });
    this.#tellOthers([sessionId]);
    return "created";
  }

  async commit(request: Parameters<JournalStore["commit"]>[0]): ReturnType<JournalStore["commit"]> {
    const by = { now: this.#clock.now(), journalVersion: this.#journalVersion };
    const answer = commitInMemory(this.#open(), request, by);
    if (answer.status === "ok") {
      this.#tellOthers([request.sessionId, ...request.post.map((signal) => signal.sessionId)]);
    }
    return answer;
  }

  async load(sessionId: SessionId): Promise<LoadedSession | undefined> {
    const data = this.#open();
    const record = data.sessions.get(sessionId);
    if (record === undefined) return undefined;
    const { snapshot } = record;
    return {
      head: headOf(record),
      owner: record.owner,
      lease: leaseOf(data, record),
      minReader: record.minReader,
      isRestored: false,
      snapshot,
      tail: record.events.slice(snapshot?.position ?? 0),
      signals: [...record.signals],
      now: this.#clock.now(),
    };
  }

  async head(sessionId: SessionId): ReturnType<JournalStore["head"]> {
    const record = this.#open().sessions.get(sessionId);
    return record === undefined ? undefined : headOf(record);
  }

  async read(
    ...[sessionId, after, options]: Parameters<JournalStore["read"]>
  ): ReturnType<JournalStore["read"]> {
    const record = this.#open().sessions.get(sessionId);
    const events = record?.events.slice(after, after + options.limit) ?? [];
    if (options.omitPayload !== true) return events;
    return events.map((event) => ({ ...event, payload: null, salt: null }));
  }

  async readAt(
    ...[sessionId, positions]: Parameters<JournalStore["readAt"]>
  ): ReturnType<JournalStore["readAt"]> {
    const record = this.#open().sessions.get(sessionId);
    return positions.flatMap((position) => record?.events[position - 1] ?? []);
  }

  async saveSnapshot(...[sessionId, snapshot]: Parameters<JournalStore["saveSnapshot"]>): Promise<void> {
    const record = this.#open().sessions.get(sessionId);
    const event = record?.events[snapshot.position - 1];
    if (record === undefined || event === undefined) return;
    const isNewer = snapshot.position >= (record.snapshot?.position ?? 0);
    // C12: one that belongs to another history is not kept.
    if (isNewer && /* guard J3: of this history */ Buffer.compare(event.hash, snapshot.headHash) === 0)
      record.snapshot = snapshot;
  }

  async post(...[signals]: Parameters<JournalStore["post"]>): ReturnType<JournalStore["post"]> {
    const data = this.#open();
    const now = this.#clock.now();
    const answers = signals.map((signal) => postSignal(data, signal, now));
    this.#tellOthers(signals.map((signal) => signal.sessionId));
    return answers;
  }

  async renew(...[holder, leases]: Parameters<JournalStore["renew"]>): ReturnType<JournalStore["renew"]> {
    const data = this.#open();
    const now = this.#clock.now();
    return leases.flatMap(({ sessionId, epoch }) => {
      const record = data.sessions.get(sessionId);
      // guard J2: only a lease that is ours is renewed
      if (record?.lease?.holder !== holder || record.epoch !== epoch) return [sessionId];
      const { ttlMs } = record.lease;
      // guard J2: a renewed lease is longer
      record.lease = { holder, ttlMs, expiresAt: now + ttlMs };
      return [];
    });
  }

  async due({ agents, limit }: DueQuery): Promise<readonly DueSession[]> {
    const data = this.#open();
    const now = this.#clock.now();
    const isDue = (record: SessionRecord): boolean =>
      agents.includes(record.owner.agent) &&
      /* guard S6: a session of a newer version is not offered */ record.minReader <= this.#journalVersion &&
      /* guard J2: what another holds is not due */ !isHeld(data, record, now) &&
      (record.signals.length > 0 ||
        /* guard J2: what a dead holder left is due */ record.lease !== null ||
        /* guard S3: what is to wake is due */ (record.wakeAt ?? now + 1) <= now);
    const due = data.sessions
      .values()
      .filter(isDue)
      .map(({ sessionId, owner }) => ({ sessionId, tenant: owner.tenant }))
      .toArray();
    return due.length <= limit
      ? due
      : /* guard S1: the many of one tenant do not hide the few of another */ byTurns(due, limit);
  }

  async nextWake(agents: readonly string[], assignees: readonly string[]): Promise<NextWake> {
    const { duties } = this.#open();
    return { session: this.#nextSession(agents), duty: duties.next(assignees) };
  }

  async changeDuty(change: DutyChange): Promise<"ok" | "conflict"> {
    const answer = this.#open().duties.change(change);
    if (answer === "ok") this.#tellOthers([]);
    return answer;
  }

  async dueDuties(query: DueDutiesQuery): Promise<readonly Duty[]> {
    return this.#open().duties.due(query, this.#clock.now());
  }

  async listDuties(query: DutyQuery): Promise<DutyPage> {
    return this.#open().duties.list(query);
  }

  #nextSession(agents: readonly string[]): Timestamp | null {
    const data = this.#open();
    const times = [...data.sessions.values()].flatMap((record) => {
      if (
        !agents.includes(record.owner.agent) ||
        /* guard S6: nor waited for */ record.minReader > this.#journalVersion
      )
        return [];
      const lease = leaseOf(data, record);
      if (lease?.holder === this.holderId) return [];
      if (lease !== null) return [lease.isHolderDead ? this.#clock.now() : lease.expiresAt];
      return record.wakeAt ?? [];
    });
    return times.length === 0 ? null : times.reduce((least, time) => Math.min(least, time));
  }

  async list(query: ListQuery): Promise<SessionPage> {
    const data = this.#open();
    const before = query.cursor === undefined ? Number.POSITIVE_INFINITY : Number(query.cursor);
    if (Number.isNaN(before)) {
      throw new ConfigurationError("OPTION_INVALID", "The cursor is not one of ours.");
    }
    const found = [...data.sessions.values()]
      .filter((record) => record.serial < before && matches(record, query))
      .toReversed();
    const page = found.slice(0, query.limit);
    const last = page.at(-1);
    return {
      sessions: page.map(listed),
      cursor: last !== undefined && found.length > page.length ? String(last.serial) : null,
    };
  }

  async findRun(runId: string): Promise<SessionId | undefined> {
    return this.#open().runs.get(runId);
  }

  async accounts(query: AccountQuery): Promise<readonly Account[]> {
    return readAccounts(this.#open(), query);
  }

  async readBlob(sessionId: SessionId, digest: string): Promise<Uint8Array | undefined> {
    return this.#open().sessions.get(sessionId)?.blobs.get(digest)?.bytes;
  }

  async erase(...[sessionId, options]: Parameters<JournalStore["erase"]>): Promise<void> {
    const record = this.#open().sessions.get(sessionId);
    if (record === undefined) {
      throw new NotFoundError("SESSION_NOT_FOUND", `There is no session ${sessionId}.`);
    }
    eraseContent(record, options?.upTo);
  }

  async expire(settledBefore: Timestamp): Promise<number> {
    const settled = [...this.#open().sessions.values()].filter(
      (record) => !record.isErased && SETTLED.has(record.summary.status) && record.updatedAt < settledBefore,
    );
    for (const record of settled) eraseContent(record, undefined);
    return settled.length;
  }

  async backup(): Promise<void> {
    throw new ConfigurationError("OPTION_NOT_AVAILABLE", "A store in memory cannot be backed up.", {
      hint: "Give the runtime a data directory.",
    });
  }

  async check(): ReturnType<JournalStore["check"]> {
    const sha256 = this.#sha256;
    const records = [...this.#open().sessions.values()];
    return sha256 === undefined ? [] : records.flatMap((record) => findDamage(record, sha256) ?? []);
  }

  onChange(listener: (sessions: readonly SessionId[]) => void): () => void {
    const { listeners } = this.#open();
    listeners.set(listener, this.holderId);
    return () => void listeners.delete(listener);
  }

  async recover(): Promise<boolean> {
    return !this.#isClosed;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    // guard J2: the dead are known
    this.#data.deadHolders.add(this.holderId);
    for (const [listener, holder] of this.#data.listeners) {
      if (holder === this.holderId) this.#data.listeners.delete(listener);
    }
  }

  #open(): MemoryData {
    if (!this.#isClosed) return this.#data;
    throw new StoreError("STORE_UNAVAILABLE", "The store is closed.", { retryable: false });
  }

  #tellOthers(sessions: readonly SessionId[]): void {
    for (const [listener, holder] of this.#data.listeners) {
      if (holder !== this.holderId) queueMicrotask(() => listener(sessions));
    }
  }
}

const matches = ({ owner, summary }: SessionRecord, query: ListQuery): boolean =>
  (query.agent ?? owner.agent) === owner.agent &&
  (query.tenant ?? owner.tenant) === owner.tenant &&
  (query.user ?? owner.user) === owner.user &&
  (query.status ?? summary.status) === summary.status &&
  (query.waiting ?? summary.waiting) === summary.waiting;

const listed = (record: SessionRecord): ListedSession => ({
  sessionId: record.sessionId,
  ...record.owner,
  ...record.summary,
  position: headOf(record).position,
  createdAt: record.createdAt,
  updatedAt: record.updatedAt,
  wakeAt: record.wakeAt,
  unreadSignals: record.signals.length,
});

/** So many of them, by turns of their tenants. */
const byTurns = (due: readonly DueSession[], limit: number): readonly DueSession[] => {
  const queue = new FairQueue<DueSession>();
  for (const session of due) queue.add(session, session.tenant);
  return Array.from({ length: limit }, () => queue.next()?.item).filter((session) => session !== undefined);
};
