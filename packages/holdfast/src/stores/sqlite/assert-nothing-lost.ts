import { readMarks } from "./acknowledged-mark.ts";
import type { Connection } from "./connection.ts";
import { recordedSequence } from "./holder-rows.ts";
import { damagedError } from "./sqlite-errors.ts";

/** @throws StoreError `STORE_DAMAGED` when the database does not hold what was acknowledged (C2). */
export const assertNothingLost = (connection: Connection, dataDir: string): void => {
  // Marks first: what is committed between the two looks makes the database newer, never older.
  for (const { holder, sequence } of readMarks(dataDir)) {
    const stored = recordedSequence(connection, holder);
    if (stored >= sequence) continue;
    throw damagedError(
      `commits that were acknowledged are missing from the database (process ${holder}: stored up to ` +
        `message ${stored}, acknowledged up to ${sequence}); its log is damaged, cut or gone`,
      { sessionId: null, position: null },
    );
  }
};
