import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import type { Connection } from "./connection.ts";
import { lockPath } from "./process-lock.ts";

const GET_STATE = "SELECT state FROM holders WHERE id = ?";
const OTHERS = "SELECT id, state FROM holders WHERE id <> ?";

/**
 * Tells which holders are dead (C5). The proof is their lock: each process keeps an exclusive lock on a
 * file of its own, the system takes it away when the process is gone and not before, so whoever can
 * take it knows. A holder without an entry, or an entry without its file, proves nothing.
 */
export class HolderWatch {
  readonly #dataDir: string;
  readonly #ownId: string;
  readonly #connection: Connection;
  /** Kept open between looks: opening costs more than trying. */
  readonly #probes = new Map<string, DatabaseSync>();
  /** Death is final: ids are never used again. */
  readonly #dead = new Set<string>();

  constructor(connection: Connection, dataDir: string, ownId: string) {
    this.#connection = connection;
    this.#dataDir = dataDir;
    this.#ownId = ownId;
  }

  isDead(holder: string): boolean {
    if (holder === this.#ownId) return false;
    if (this.#dead.has(holder)) return true;
    const state = this.#connection.get<{ state: string }>(GET_STATE, holder)?.state;
    return this.#judge(holder, state);
  }

  /** Every holder proven dead. */
  allDead(): readonly string[] {
    return this.#connection
      .all<{ id: string; state: string }>(OTHERS, this.#ownId)
      .filter(({ id, state }) => this.#dead.has(id) || this.#judge(id, state))
      .map(({ id }) => id);
  }

  close(): void {
    for (const probe of this.#probes.values()) probe.close();
    this.#probes.clear();
  }

  #judge(holder: string, state: string | undefined): boolean {
    const isDead = state === "dead" || (state === "alive" && this.#canTakeLock(holder));
    if (!isDead) return false;
    this.#dead.add(holder);
    this.#probes.get(holder)?.close();
    this.#probes.delete(holder);
    return true;
  }

  #canTakeLock(holder: string): boolean {
    try {
      const probe = this.#probes.get(holder) ?? openExisting(lockPath(this.#dataDir, holder));
      this.#probes.set(holder, probe);
      probe.exec("BEGIN EXCLUSIVE; ROLLBACK;");
      return true;
    } catch {
      return false;
    }
  }
}

const openExisting = (path: string): DatabaseSync => {
  const url = pathToFileURL(path);
  // Never made here: a lock that its owner did not make says nothing about the owner.
  url.search = "mode=rw";
  return new DatabaseSync(url, { timeout: 0 });
};
