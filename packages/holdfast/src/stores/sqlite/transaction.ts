import type { SessionId, Timestamp } from "../../core/ids.ts";
import type { Connection } from "./connection.ts";
import type { HolderWatch } from "./holder-watch.ts";

/** Blob files that belong to nobody once the transaction is stored; null stands for all of the session's. */
export type ErasedFiles = { readonly sessionId: SessionId; readonly digests: readonly string[] | null };

/** What one write transaction knows while it runs. */
export class Transaction {
  readonly connection: Connection;
  readonly holders: HolderWatch;
  readonly now: Timestamp;
  readonly dataDir: string;
  /** The version of this process's journals (C16). */
  readonly journalVersion: number;
  readonly erased: ErasedFiles[] = [];
  #nextEvent: number | null = null;

  constructor(
    connection: Connection,
    holders: HolderWatch,
    {
      now,
      dataDir,
      journalVersion,
    }: { readonly now: Timestamp; readonly dataDir: string; readonly journalVersion: number },
  ) {
    this.connection = connection;
    this.holders = holders;
    this.now = now;
    this.dataDir = dataDir;
    this.journalVersion = journalVersion;
  }

  /** Takes the next id for an event. Ours alone: nobody else writes while this transaction runs. */
  takeEventId(): number {
    this.#nextEvent ??= this.#lastEvent() + 1;
    const id = this.#nextEvent;
    this.#nextEvent += 1;
    return id;
  }

  #lastEvent(): number {
    return this.connection.get<{ id: number | null }>("SELECT max(id) AS id FROM events")?.id ?? 0;
  }
}
