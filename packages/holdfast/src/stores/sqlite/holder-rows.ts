import { removeMarks } from "./acknowledged-mark.ts";
import type { Connection } from "./connection.ts";
import type { HolderWatch } from "./holder-watch.ts";
import { lockPath, removeLock } from "./process-lock.ts";

/**
 * A holder is entered before it has its lock, becomes `alive` when it has, and ends `dead`. Nobody takes
 * a holder's lock file away unless its entry says dead, and one that is dead never becomes alive: so a
 * lock can neither be removed under its owner nor be left without an entry.
 */
export type HolderState = "registering" | "alive" | "dead";

const REGISTER = "INSERT INTO holders (id, state) VALUES (?, 'registering')";
const MOVE = "UPDATE holders SET state = ? WHERE id = ? AND state <> 'dead'";
const RECORD = "UPDATE holders SET last_sequence = ? WHERE id = ?";
const GET_RECORD = "SELECT last_sequence FROM holders WHERE id = ?";
const FORGET = `DELETE FROM holders WHERE state = 'dead' AND id NOT IN
  (SELECT holder FROM sessions WHERE holder IS NOT NULL)`;

/** Enters a holder's next state; false when it was found dead before. */
export const enterHolder = (connection: Connection, holder: string, state: HolderState): boolean =>
  state === "registering"
    ? connection.run(REGISTER, holder) === 1
    : connection.run(MOVE, state, holder) === 1;

/** Records, within a transaction, up to which message it holds our writes (C6); false without an entry. */
export const recordSequence = (connection: Connection, holder: string, sequence: number): boolean =>
  connection.run(RECORD, sequence, holder) === 1;

export const recordedSequence = (connection: Connection, holder: string): number =>
  connection.get<{ last_sequence: number }>(GET_RECORD, holder)?.last_sequence ?? 0;

/** Enters the holders that are proven dead as such, then removes their lock files. */
export const buryDead = (connection: Connection, holders: HolderWatch, dataDir: string): void => {
  const dead = holders.allDead();
  removeMarks(dataDir, dead);
  connection.transact(true, () => {
    for (const holder of dead) connection.run(MOVE, "dead", holder);
    connection.run(FORGET);
  });
  for (const holder of dead) removeLock(lockPath(dataDir, holder));
};
