import type { Timestamp } from "../../core/ids.ts";
import { readAccounts } from "./accounts.ts";
import { readBlobFile } from "./blob-files.ts";
import { ChangeWatch } from "./change-watch.ts";
import { packEvents } from "./codec.ts";
import { writeBackup } from "./backup.ts";
import { findDamage } from "./check.ts";
import { dueDuties, listDuties, nextDuty } from "./duty-rows.ts";
import { buryDead } from "./holder-rows.ts";
import { type JournalPlace, readEvents, readEventsAt } from "./journal-rows.ts";
import { findHead, findJournal, loadSession } from "./load.ts";
import type { Answer, NumberedRead, Read, WorkerSettings } from "./messages.ts";
import { dueSessions, findRun, listSessions, nextWake } from "./session-rows.ts";
import { failed, type OpenStore, type StoreThread } from "./store-thread.ts";
import { sweepBlobs } from "./sweep-blobs.ts";

/** The reading side of the store's thread. */
export class ReadThread {
  readonly #settings: WorkerSettings;
  readonly #store: StoreThread;
  readonly #changes = new ChangeWatch();

  constructor(settings: WorkerSettings, store: StoreThread) {
    this.#settings = settings;
    this.#store = store;
  }

  /** Answers one question; never throws. */
  answer({ id, read }: NumberedRead, now: Timestamp): Answer {
    try {
      return { id, value: this.#answer(read, now) };
    } catch (error) {
      return failed(id, error);
    }
  }

  #answer(read: Read, now: Timestamp): unknown {
    const { dataDir } = this.#settings;
    switch (read.kind) {
      case "recover":
        return this.#store.recover();
      case "close":
        return this.#store.close();
      case "bury": {
        const { connection, holders } = this.#store.open();
        return buryDead(connection, holders, dataDir);
      }
      case "check":
        return findDamage(this.#store.open().connection, dataDir);
      case "backup":
        return writeBackup(this.#store.open().connection, dataDir, read.path);
      case "sweep":
        return sweepBlobs(this.#store.open().connection, dataDir, now);
      case "changes":
        return this.#changes.look(this.#store.open().connection);
      default: {
        const open = this.#store.open();
        return open.connection.observe(() => this.#look(open, read, now));
      }
    }
  }

  #look(open: OpenStore, read: Exclude<Read, Unobserved>, now: Timestamp): unknown {
    const { connection, holders } = open;
    const { holderId, journalVersion } = this.#settings;
    switch (read.kind) {
      case "load": {
        const loaded = loadSession(connection, holders, { sessionId: read.sessionId, now });
        return loaded === undefined ? undefined : { ...loaded, tail: packEvents(loaded.tail) };
      }
      case "head":
        return findHead(connection, read.sessionId);
      case "read": {
        const last = read.after + read.limit;
        const journal = findJournal(connection, read.sessionId);
        return packEvents(journal === undefined ? [] : readEvents(connection, journal, { ...read, last }));
      }
      case "read-at":
        return packEvents(this.#eventsAt(open, findJournal(connection, read.sessionId), read));
      case "due":
        return dueSessions(connection, holders, { query: read.query, now, journalVersion });
      case "next-wake":
        return {
          session: nextWake(connection, holders, { ...read, now, ownId: holderId, journalVersion }),
          duty: nextDuty(connection, read.assignees),
        };
      case "due-duties":
        return dueDuties(connection, read.query, now);
      case "list-duties":
        return listDuties(connection, read.query);
      case "list":
        return listSessions(connection, read.query);
      case "find-run":
        return findRun(connection, read.runId);
      case "accounts":
        return readAccounts(connection, read.query);
      case "read-blob":
        return this.#blob(open, read);
    }
  }

  #eventsAt(
    { connection }: OpenStore,
    journal: JournalPlace | undefined,
    { positions }: Extract<Read, { kind: "read-at" }>,
  ) {
    if (journal === undefined) return [];
    return readEventsAt(connection, journal, positions);
  }

  #blob({ connection }: OpenStore, read: Extract<Read, { kind: "read-blob" }>): Uint8Array | undefined {
    const { sessionId, digest } = read;
    const sid = findJournal(connection, sessionId)?.sid ?? 0;
    const row = connection.get<{ bytes: Uint8Array | null }>(
      "SELECT bytes FROM blobs WHERE sid = ? AND digest = ?",
      sid,
      digest,
    );
    if (row === undefined) return undefined;
    return row.bytes ?? readBlobFile(this.#settings.dataDir, sessionId, digest);
  }
}

type Unobserved = Extract<
  Read,
  { kind: "recover" | "close" | "bury" | "check" | "backup" | "sweep" | "changes" }
>;
