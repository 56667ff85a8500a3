import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makeFolder, syncFolder } from "./sync-path.ts";

export const lockPath = (dataDir: string, holder: string): string => join(dataDir, "locks", `${holder}.lock`);

/**
 * The lock that says this process lives (C5). Held by the main thread, not by the store's: the death
 * of that thread must not look like the death of the process while tools still run.
 */
export class ProcessLock {
  readonly #path: string;
  readonly #db: DatabaseSync;

  constructor(dataDir: string, holder: string) {
    this.#path = lockPath(dataDir, holder);
    makeFolder(dirname(this.#path));
    this.#db = new DatabaseSync(this.#path, { timeout: 0 });
    // The transaction is never ended: the lock is what we want of it.
    this.#db.exec("BEGIN EXCLUSIVE");
    // An entry whose file a power loss took away could never be proven dead.
    syncFolder(dirname(this.#path));
  }

  /** Gives the lock up and leaves its file: whoever can take it knows that this process is gone. */
  letGo(): void {
    this.#db.close();
  }

  /** Gives the lock up and removes its file. Only after the holder is entered as dead. */
  release(): void {
    this.letGo();
    try {
      removeLock(this.#path);
    } catch {
      // The entry says dead already: whoever buries it takes the file away, and closing has not failed.
    }
  }
}

/** Removes the lock file of a holder that is entered as dead: nobody will ask for it again. */
export const removeLock = (path: string): void => {
  rmSync(path, { force: true });
  rmSync(`${path}-journal`, { force: true });
};
