import { DatabaseSync } from "node:sqlite";

/** Locks held by this process; the system lets go of them when it dies, however it dies. */
const held: DatabaseSync[] = [];

/** Takes a lock for the life of this process. False when another living process has it. */
export const holdLock = (file: string): boolean => {
  const database = new DatabaseSync(file);
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    held.push(database);
    return true;
  } catch {
    database.close();
    return false;
  }
};
