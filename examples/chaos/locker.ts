/** Another program that writes to the database of claims, and locks it meanwhile: what a file has in place of a broken network. */
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { dice } from "./fault-proxy.ts";

/** A lock lasts so long, in milliseconds. */
const LOCK_MS = 1_500;

/** Locks the file for about a share of the time, 0 to 1, until it is told to stop. */
export const startLocker = (file: string, share: number, seed: number): (() => Promise<void>) => {
  const database = new DatabaseSync(file, { timeout: 1_000 });
  const stop = new AbortController();
  const throwDice = dice(seed);
  const lock = async (): Promise<void> => {
    while (share > 0 && !stop.signal.aborted) {
      await wait(throwDice() * 2 * LOCK_MS * (1 / share - 1), undefined, { signal: stop.signal });
      database.exec("BEGIN EXCLUSIVE");
      await wait(LOCK_MS, undefined, { signal: stop.signal }).finally(() => database.exec("ROLLBACK"));
    }
  };
  const locking = lock().catch(() => undefined);
  return async () => {
    stop.abort();
    await locking;
    database.close();
  };
};
