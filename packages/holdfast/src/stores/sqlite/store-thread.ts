import { HoldfastError, isHoldfastError, StoreError } from "../../core/errors.ts";
import { type Failure, toFailure } from "../../core/failure.ts";
import type { Timestamp } from "../../core/ids.ts";
import { AcknowledgedMark } from "./acknowledged-mark.ts";
import { assertNothingLost } from "./assert-nothing-lost.ts";
import { takeWrites } from "./codec.ts";
import { applyCommit } from "./commit.ts";
import { Connection } from "./connection.ts";
import { changeDuty } from "./duty-rows.ts";
import { eraseSession, expireSessions, removeErasedFiles } from "./erase.ts";
import { enterHolder, recordedSequence, recordSequence } from "./holder-rows.ts";
import { HolderWatch } from "./holder-watch.ts";
import { saveSnapshot } from "./load.ts";
import { postSignal } from "./mailbox.ts";
import type { Answer, NumberedWrite, Request, WorkerSettings, Write } from "./messages.ts";
import { createSession, renewLeases } from "./session-rows.ts";
import { damagedError, troubleOf, unavailableError } from "./sqlite-errors.ts";
import { type ErasedFiles, Transaction } from "./transaction.ts";

/** The connection and what depends on it; replaced as one after an I/O error. */
export type OpenStore = { readonly connection: Connection; readonly holders: HolderWatch };

type Batch = {
  readonly writes: readonly NumberedWrite[];
  /** Of the last message in it. */
  readonly sequence: number;
  readonly now: Timestamp;
};

/**
 * The writing side of the store's thread: one transaction for everything that was asked meanwhile, of
 * all sessions (group commit), and the way back after an error (C6).
 */
export class StoreThread {
  readonly #settings: WorkerSettings;
  #open: OpenStore | null = null;
  #isFirst = true;
  #isProven: boolean;
  #incident: Failure | null = null;
  #erased: ErasedFiles[] = [];
  readonly #mark: AcknowledgedMark;

  constructor(settings: WorkerSettings) {
    this.#settings = settings;
    this.#mark = new AcknowledgedMark(settings.dataDir, settings.holderId);
    this.#isProven = !settings.isRestart;
  }

  /** The open store; opens it when it was dropped. */
  open(): OpenStore {
    if (this.#open !== null) return this.#open;
    const { dataDir, holderId } = this.#settings;
    const mayCreate = this.#isFirst && !this.#settings.isRestart;
    const connection = new Connection({ ...this.#settings, mayCreate });
    this.#isFirst = false;
    const open = { connection, holders: new HolderWatch(connection, dataDir, holderId) };
    this.#open = open;
    this.#assertWhole(connection);
    if (!this.#isProven) proveWritable(open);
    this.#isProven = true;
    return open;
  }

  /** Before anything is written: what is written over a damaged log cannot be found any more. */
  #assertWhole(connection: Connection): void {
    try {
      assertNothingLost(connection, this.#settings.dataDir);
    } catch (error) {
      this.drop();
      throw error;
    }
  }

  /** Stores the writes of several messages as one; always answers, never throws. */
  write(requests: readonly Request[]): readonly Answer[] {
    const batch = toBatch(requests);
    if (batch.writes.length === 0) return [];
    this.#erased = [];
    const answers = this.#attempt(batch);
    return batch.writes.some(isErasure) ? this.#finishErasure(batch, answers) : answers;
  }

  #attempt(batch: Batch): readonly Answer[] {
    let planned: readonly Answer[] | null = null;
    try {
      return this.#store(batch, (those) => (planned = those));
    } catch (error) {
      return this.#afterError(batch, planned, error);
    }
  }

  /** What was erased must stay readable neither in files nor in the log; only then it is answered (C13). */
  #finishErasure(batch: Batch, answers: readonly Answer[]): readonly Answer[] {
    try {
      const { connection } = this.open();
      removeErasedFiles(connection, this.#settings.dataDir, this.#erased);
      if (!connection.truncateLog()) throw logInUse();
      return answers;
    } catch (cause) {
      const error = isHoldfastError(cause)
        ? cause
        : unavailableError("What was erased could not be removed from the disk.", cause);
      const unfinished = new Set(batch.writes.filter(isErasure).map(({ id }) => id));
      return answers.map((answer) => (unfinished.has(answer.id) ? failed(answer.id, error) : answer));
    }
  }

  /** Takes what has gone wrong since the last time. */
  takeIncident(): Failure | null {
    const incident = this.#incident;
    this.#incident = null;
    return incident;
  }

  /** Leaves nothing for the next opening to do. */
  close(): void {
    this.#open?.connection.truncateLog();
    this.drop();
  }

  /** Whether the store can be written to now; what was left half done is settled by asking (C6). */
  recover(): boolean {
    try {
      this.#reopen();
      return true;
    } catch {
      this.drop();
      return false;
    }
  }

  drop(): void {
    const open = this.#open;
    this.#open = null;
    this.#mark.drop();
    try {
      open?.holders.close();
      open?.connection.close();
    } catch {
      // It could not even be closed; the next one is opened beside it.
    }
  }

  /** Runs a batch in one transaction. `beforeCommit` gets the answers that hold if the commit does. */
  #store(batch: Batch, beforeCommit?: (answers: readonly Answer[]) => void): readonly Answer[] {
    const { connection, holders } = this.open();
    const { dataDir, holderId, durability, journalVersion } = this.#settings;
    const isSynced = durability === "full" || batch.writes.some(mustSync);
    if (batch.writes.some(({ write }) => write.kind === "enter" && write.state === "dead")) this.#mark.end();
    let isEntered = false;
    const stored = connection.transact(isSynced, () => {
      const place = { now: batch.now, dataDir, journalVersion };
      const transaction = new Transaction(connection, holders, place);
      const answers = batch.writes.map(({ id, write }) => {
        const value = applyWrite(transaction, write);
        connection.assertInTransaction();
        return { id, value };
      });
      isEntered = recordSequence(connection, holderId, batch.sequence);
      this.#erased.push(...transaction.erased);
      beforeCommit?.(answers);
      return answers;
    });
    if (isSynced && isEntered) this.#mark.move(batch.sequence);
    return stored;
  }

  #afterError(batch: Batch, planned: readonly Answer[] | null, error: unknown): readonly Answer[] {
    const trouble = troubleOf(error);
    if (trouble === "request") return this.#storeOneByOne(batch, error);
    this.#incident = toFailure(toStoreError(error));
    if (trouble === "busy") return refuseAll(batch, error);
    try {
      const { connection } = this.#reopen();
      // Written within the same transaction: it is there exactly when the batch is.
      const isStored = recordedSequence(connection, this.#settings.holderId) >= batch.sequence;
      if (isStored && planned !== null) return planned;
      return isStored ? refuseAll(batch, error) : this.#store(batch);
    } catch (second) {
      this.drop();
      return refuseAll(batch, second);
    }
  }

  /** One of them can never be stored: find it without taking the others down with it (C3). */
  #storeOneByOne(batch: Batch, error: unknown): readonly Answer[] {
    if (batch.writes.length === 1) return batch.writes.map(({ id }) => failed(id, error));
    return batch.writes.flatMap((write) => {
      const one = { ...batch, writes: [write] };
      try {
        return this.#store(one);
      } catch (reason) {
        return this.#afterError(one, null, reason);
      }
    });
  }

  #reopen(): OpenStore {
    this.drop();
    this.#isProven = false;
    return this.open();
  }
}

/**
 * Writes before anything is read: a commit that failed may lie in the log all the same, and would come
 * back after a crash if nothing were written over it.
 */
const proveWritable = ({ connection }: OpenStore): void =>
  connection.transact(true, () => void connection.run(COUNT_RECOVERY));

const COUNT_RECOVERY = `INSERT INTO meta (name, value) VALUES ('recoveries', 1)
  ON CONFLICT (name) DO UPDATE SET value = value + 1`;

const toBatch = (requests: readonly Request[]): Batch => ({
  writes: requests.flatMap((request) => takeWrites(request.writes)),
  sequence: requests.at(-1)?.sequence ?? 0,
  now: requests.at(-1)?.now ?? 0,
});

/** Accepted inputs and new sessions were answered for; the commit says it for the rest. */
const mustSync = ({ write }: NumberedWrite): boolean =>
  write.kind === "commit"
    ? write.commit.mustSync || write.commit.post.length > 0
    : write.kind !== "snapshot" && write.kind !== "renew";

const isErasure = ({ write }: NumberedWrite): boolean => write.kind === "erase" || write.kind === "expire";

const applyWrite = (transaction: Transaction, write: Write): unknown => {
  const { connection } = transaction;
  switch (write.kind) {
    case "commit":
      return applyCommit(transaction, write.commit);
    case "post":
      return write.signals.map((signal) => postSignal(transaction, signal));
    case "create":
      return createSession(transaction, write);
    case "snapshot":
      return saveSnapshot(connection, write.sessionId, write.snapshot);
    case "renew":
      return renewLeases(transaction, write.holder, write.leases);
    case "erase":
      return eraseSession(transaction, write.sessionId, write.upTo);
    case "expire":
      return expireSessions(transaction, write);
    case "duty":
      return changeDuty(connection, write.change);
    case "enter":
      return enterHolder(connection, write.holder, write.state);
  }
};

const logInUse = (): StoreError =>
  new StoreError("STORE_UNAVAILABLE", "It is erased, but somebody still reads the log it was in.", {
    hint: "Erase it again: that is done when the log is empty too.",
  });

/** Nobody knows whether these are stored: commits become `indeterminate`, others fail and may be tried again. */
const refuseAll = (batch: Batch, cause: unknown): readonly Answer[] =>
  batch.writes.map(({ id, write }) => (write.kind === "commit" ? { id, value: null } : failed(id, cause)));

/** What went wrong, as data. */
export const failed = (id: number, thrown: unknown): Answer => {
  const error = toStoreError(thrown);
  const failure = toFailure(error);
  return {
    id,
    failure: error.hint === undefined ? failure : { ...failure, hint: error.hint },
  };
};

const toStoreError = (thrown: unknown): HoldfastError => {
  if (isHoldfastError(thrown)) return thrown;
  switch (troubleOf(thrown)) {
    case "damaged":
      return damagedError("the database cannot be read", { sessionId: null, position: null }, thrown);
    case "busy":
      return unavailableError("Another process keeps the store locked.", thrown);
    case "down":
      return unavailableError("The store cannot be read or written.", thrown);
    case "request":
      return new HoldfastError("INTERNAL", "The store refused what it was given.", { cause: thrown });
  }
};
