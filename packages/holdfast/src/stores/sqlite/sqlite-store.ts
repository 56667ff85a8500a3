import { EVENT_VERSION } from "../../core/event.ts";
import { resolve } from "node:path";
import { StoreError } from "../../core/errors.ts";
import { type Failure, toFailure } from "../../core/failure.ts";
import type { RunId, SessionId, Timestamp } from "../../core/ids.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { DueDutiesQuery, Duty, DutyChange, DutyPage, DutyQuery, NextWake } from "../../ports/duty.ts";
import type {
  Account,
  AccountQuery,
  Blob,
  CommitAnswer,
  CommitRequest,
  ConflictReason,
  CreateRequest,
  Damage,
  DueQuery,
  DueSession,
  JournalStore,
  ListQuery,
  LoadedSession,
  NewSignal,
  PostAnswer,
  SessionHead,
  SessionPage,
} from "../../ports/journal-store.ts";
import { MAX_INLINE_BYTES, writeBlobFile } from "./blob-files.ts";
import type { Packed } from "./cells.ts";
import { unpackEvents } from "./codec.ts";
import type { PlacedBlob, PostedSignal, Read, WorkerSettings, Write } from "./messages.ts";
import { ProcessLock } from "./process-lock.ts";
import { unavailableError } from "./sqlite-errors.ts";
import { makeFolder } from "./sync-path.ts";
import { ThreadLink } from "./thread-link.ts";

export type SqliteStoreOptions = {
  /** Made when it is not there. Not on a network file system: locks do not hold there. */
  readonly dataDir: string;
  readonly clock: Clock;
  /**
   * `full` (the default): a commit is answered when it is on disk. `relaxed`: when it would survive the
   * death of the process; inputs, and what asks for it, still wait for the disk.
   */
  readonly durability?: "full" | "relaxed";
  /** The version of the journals that this process reads and writes (C16); that of this package by default. */
  readonly journalVersion?: number;
  /** Hears of I/O errors and of the death of the store's thread, also when they could be put right. */
  readonly onIncident?: (failure: Failure) => void;
};

/** What tests can do to a store besides using it. */
export type SqliteStoreProbe = {
  readonly store: JournalStore;
  /** Ends the store's thread in the middle of whatever it does. */
  readonly killThread: () => Promise<void>;
};

/**
 * Opens the store in a data directory.
 *
 * @throws StoreError `STORE_FORMAT_UNSUPPORTED` when a newer version wrote it, `STORE_UNAVAILABLE` when it
 * cannot be opened, `STORE_DAMAGED` when it is not a database any more.
 */
export const createSqliteStore = async (options: SqliteStoreOptions): Promise<JournalStore> =>
  (await openSqliteStore(options)).store;

/** Opens the store with handles for tests. */
export const openSqliteStore = async (
  options: SqliteStoreOptions & { readonly maxPages?: number },
): Promise<SqliteStoreProbe> => {
  const dataDir = resolve(options.dataDir);
  enterFolder(dataDir);
  const holderId = options.clock.newId();
  const settings: WorkerSettings = {
    dataDir,
    holderId,
    durability: options.durability ?? "full",
    journalVersion: options.journalVersion ?? EVENT_VERSION,
    isRestart: false,
    maxPages: options.maxPages ?? null,
  };
  const { clock, onIncident = () => {} } = options;
  const linkOptions = { clock, settings, onIncident };
  const link = new ThreadLink(linkOptions);
  const lock = await enter(link, settings);
  const newLink = (): ThreadLink => new ThreadLink(linkOptions);
  return {
    store: new SqliteStore({ settings, clock, link, lock, newLink }),
    killThread: () => link.stop(),
  };
};

const enterFolder = (dataDir: string): void => {
  try {
    makeFolder(dataDir);
  } catch (error) {
    throw unavailableError(`The data directory ${dataDir} cannot be made.`, error);
  }
};

/** Enters this process among the holders: the entry, then the lock, then alive. */
const enter = async (link: ThreadLink, { dataDir, holderId }: WorkerSettings): Promise<ProcessLock> => {
  try {
    await link.write({ kind: "enter", holder: holderId, state: "registering" });
    const lock = takeLock(dataDir, holderId);
    const isAlive = await link.write({ kind: "enter", holder: holderId, state: "alive" });
    if (isAlive !== true) {
      lock.release();
      throw unavailableError("Another process took this one for dead while it started.");
    }
    await link.ask({ kind: "bury" });
    return lock;
  } catch (error) {
    await link.stop();
    throw error;
  }
};

const takeLock = (dataDir: string, holderId: string): ProcessLock => {
  try {
    return new ProcessLock(dataDir, holderId);
  } catch (error) {
    throw unavailableError("The lock that says this process lives cannot be taken.", error);
  }
};

/** Signals and events of other processes are seen within 250 ms. */
const POLL_MS = 100;
const EXPIRE_AT_ONCE = 50;

type Parts = {
  readonly settings: WorkerSettings;
  readonly clock: Clock;
  readonly link: ThreadLink;
  readonly lock: ProcessLock;
  readonly newLink: () => ThreadLink;
};

class SqliteStore implements JournalStore {
  readonly holderId: string;
  readonly #parts: Parts;
  readonly #listeners = new Set<(sessions: readonly SessionId[] | "unknown") => void>();
  #poll: Timer | null = null;
  #closing: Promise<void> | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.holderId = parts.settings.holderId;
  }

  async create({ sessionId, owner, events }: CreateRequest): Promise<"created" | "exists"> {
    const isNew = await this.#write({ kind: "create", sessionId, owner, events });
    return isNew === true ? "created" : "exists";
  }

  async commit(request: CommitRequest): Promise<CommitAnswer> {
    const { sessionId, blobs, post } = request;
    let commit = { ...request, blobs: inline(blobs), post: this.#salted(post) };
    if (hasLarge(blobs) || post.some((signal) => hasLarge(signal.blobs))) {
      try {
        commit = { ...commit, blobs: await this.#place(sessionId, blobs), post: await this.#placed(post) };
      } catch {
        // Nothing of it is stored; whoever asks `head` after `recover` will see so (C6).
        return { status: "indeterminate" };
      }
    }
    const result = await this.#write({ kind: "commit", commit });
    if (typeof result === "number") return { status: "ok", epoch: result };
    return result === null
      ? { status: "indeterminate" }
      : { status: "conflict", reason: result as ConflictReason };
  }

  async load(sessionId: SessionId): Promise<LoadedSession | undefined> {
    type Loaded = Omit<LoadedSession, "tail"> & { readonly tail: Packed };
    const loaded = (await this.#ask({ kind: "load", sessionId })) as Loaded | undefined;
    return loaded === undefined ? undefined : { ...loaded, tail: unpackEvents(loaded.tail) };
  }

  async head(sessionId: SessionId): Promise<SessionHead | undefined> {
    return (await this.#ask({ kind: "head", sessionId })) as SessionHead | undefined;
  }

  async read(
    ...[sessionId, after, options]: Parameters<JournalStore["read"]>
  ): ReturnType<JournalStore["read"]> {
    const { limit, omitPayload = false } = options;
    return this.#events({ kind: "read", sessionId, after, limit, omitPayload });
  }

  async readAt(
    ...[sessionId, positions]: Parameters<JournalStore["readAt"]>
  ): ReturnType<JournalStore["readAt"]> {
    return this.#events({ kind: "read-at", sessionId, positions });
  }

  async saveSnapshot(...[sessionId, snapshot]: Parameters<JournalStore["saveSnapshot"]>): Promise<void> {
    await this.#write({ kind: "snapshot", sessionId, snapshot });
  }

  async post(signals: readonly NewSignal[]): Promise<readonly PostAnswer[]> {
    const isLarge = signals.some((signal) => hasLarge(signal.blobs));
    const posted = isLarge ? await this.#placed(signals) : this.#salted(signals);
    return (await this.#write({ kind: "post", signals: posted })) as readonly PostAnswer[];
  }

  async renew(...[holder, leases]: Parameters<JournalStore["renew"]>): ReturnType<JournalStore["renew"]> {
    return (await this.#write({ kind: "renew", holder, leases })) as readonly SessionId[];
  }

  async due(query: DueQuery): Promise<readonly DueSession[]> {
    return (await this.#ask({ kind: "due", query })) as readonly DueSession[];
  }

  async nextWake(agents: readonly string[], assignees: readonly string[]): Promise<NextWake> {
    return (await this.#ask({ kind: "next-wake", agents, assignees })) as NextWake;
  }

  async changeDuty(change: DutyChange): Promise<"ok" | "conflict"> {
    return (await this.#write({ kind: "duty", change })) as "ok" | "conflict";
  }

  async dueDuties(query: DueDutiesQuery): Promise<readonly Duty[]> {
    return (await this.#ask({ kind: "due-duties", query })) as readonly Duty[];
  }

  async listDuties(query: DutyQuery): Promise<DutyPage> {
    return (await this.#ask({ kind: "list-duties", query })) as DutyPage;
  }

  async list(query: ListQuery): Promise<SessionPage> {
    return (await this.#ask({ kind: "list", query })) as SessionPage;
  }

  async findRun(runId: RunId): Promise<SessionId | undefined> {
    return (await this.#ask({ kind: "find-run", runId })) as SessionId | undefined;
  }

  async accounts(query: AccountQuery): Promise<readonly Account[]> {
    return (await this.#ask({ kind: "accounts", query })) as readonly Account[];
  }

  async readBlob(sessionId: SessionId, digest: string): Promise<Uint8Array | undefined> {
    return (await this.#ask({ kind: "read-blob", sessionId, digest })) as Uint8Array | undefined;
  }

  async erase(...[sessionId, options]: Parameters<JournalStore["erase"]>): Promise<void> {
    await this.#write({ kind: "erase", sessionId, upTo: options?.upTo ?? null });
  }

  async expire(settledBefore: Timestamp): Promise<number> {
    let total = 0;
    for (;;) {
      // A few at a time: commits of others wait no longer than that.
      const write = { kind: "expire", settledBefore, limit: EXPIRE_AT_ONCE } as const;
      const count = Number(await this.#write(write));
      total += count;
      if (count < EXPIRE_AT_ONCE) break;
    }
    await this.#apart({ kind: "sweep" });
    return total;
  }

  async backup(path: string): Promise<void> {
    await this.#apart({ kind: "backup", path: resolve(path) });
  }

  async check(): Promise<readonly Damage[]> {
    return (await this.#apart({ kind: "check" })) as readonly Damage[];
  }

  onChange(listener: (sessions: readonly SessionId[] | "unknown") => void): () => void {
    this.#listeners.add(listener);
    if (this.#poll === null) this.#pollLater();
    return () => void this.#listeners.delete(listener);
  }

  async recover(): Promise<boolean> {
    try {
      return (await this.#ask({ kind: "recover" })) === true;
    } catch {
      return false;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { link, lock } = this.#parts;
    this.#poll?.stop();
    this.#listeners.clear();
    let isEntered = false;
    try {
      // With the entry, takeover of what we still hold does not wait for a lease to run out (C5).
      isEntered = (await link.write({ kind: "enter", holder: this.holderId, state: "dead" })) === true;
      await link.ask({ kind: "close" });
    } catch {
      // A courtesy only: the lock that is let go below proves our end to others, and what was
      // acknowledged is on disk. A directory that has gone is no reason why closing should fail.
    } finally {
      await link.stop();
      // Without the entry, the file is the only proof there is.
      if (isEntered) lock.release();
      else lock.letGo();
    }
  }

  #write(write: Write): Promise<unknown> {
    this.#assertOpen();
    return this.#parts.link.write(write);
  }

  #ask(read: Read): Promise<unknown> {
    this.#assertOpen();
    return this.#parts.link.ask(read);
  }

  /** Asks a thread of its own: reading everything must not hold up commits. */
  async #apart(read: Read): Promise<unknown> {
    this.#assertOpen();
    const link = this.#parts.newLink();
    try {
      return await link.ask(read);
    } finally {
      await link.stop();
    }
  }

  async #events(read: Read): ReturnType<JournalStore["read"]> {
    return unpackEvents((await this.#ask(read)) as Packed);
  }

  #assertOpen(): void {
    if (this.#closing === null) return;
    throw new StoreError("STORE_UNAVAILABLE", "The store is closed.", { retryable: false });
  }

  #salted(signals: readonly NewSignal[]): PostedSignal[] {
    return signals.map((signal) => ({
      ...signal,
      salt: signal.dedupeKey === null ? null : this.#parts.clock.randomBytes(SALT_BYTES),
      blobs: inline(signal.blobs),
    }));
  }

  async #placed(signals: readonly NewSignal[]): Promise<PostedSignal[]> {
    const placed = signals.map(async (signal) => this.#place(signal.sessionId, signal.blobs));
    const blobs = await Promise.all(placed);
    return this.#salted(signals).map((signal, index) => ({ ...signal, blobs: blobs[index] ?? [] }));
  }

  async #place(sessionId: SessionId, blobs: readonly Blob[]): Promise<PlacedBlob[]> {
    const { settings, clock } = this.#parts;
    try {
      return await Promise.all(
        blobs.map(async (blob) => {
          if (blob.bytes.length <= MAX_INLINE_BYTES) return blob;
          await writeBlobFile(settings.dataDir, sessionId, { ...blob, part: clock.newId() });
          return { digest: blob.digest, bytes: null };
        }),
      );
    } catch (error) {
      throw unavailableError("A blob could not be written.", toFailure(error));
    }
  }

  #pollLater(): void {
    this.#poll = this.#parts.clock.startTimer(POLL_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    this.#poll = null;
    if (this.#listeners.size === 0 || this.#closing !== null) return;
    try {
      const changed = (await this.#ask({ kind: "changes" })) as readonly SessionId[] | "unknown" | null;
      if (changed !== null) for (const listener of this.#listeners) listener(changed);
    } catch {
      // The store is down: whoever uses it finds out by itself, and this looks again.
    }
    if (this.#closing === null && this.#poll === null) this.#pollLater();
  }
}

const SALT_BYTES = 16;

const hasLarge = (blobs: readonly Blob[]): boolean =>
  blobs.some((blob) => blob.bytes.length > MAX_INLINE_BYTES);

const inline = (blobs: readonly Blob[]): readonly PlacedBlob[] => blobs;
