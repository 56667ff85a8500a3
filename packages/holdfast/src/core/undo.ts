import type { OpenCall, OpenRun } from "./session-state.ts";
import { undoneBy, type NotUndoneCall, type UndoReport, type WriteCall } from "./undo-terms.ts";
import type { CallId } from "./ids.ts";

/** Whether what the run did is undone when it ends now: it fails, or is rolled back. A plain cancel keeps it. */
const isToBeUndone = (run: OpenRun): boolean => {
  if (run.undoing !== null) return true;
  if (run.stopping === "cancelled") return run.rollback !== "no";
  return run.settings.whenFailed === "undo";
};

/** Whether something of it is still to be undone, or to be found out about first. */
export const owesUndo = (run: OpenRun): boolean =>
  isToBeUndone(run) && run.writes.some(({ undo, status }) => undo !== null && status !== "unknown");

/** What is undone next: the last that took effect comes first. */
export const nextToUndo = ({ writes }: OpenRun): WriteCall | undefined =>
  writes.findLast(({ undo, status }) => undo !== null && status === "done");

/** The call that a call of this id undoes. */
export const writeUndoneBy = (run: OpenRun, undoId: CallId): WriteCall | undefined =>
  run.writes.find(({ callId }) => callId === undoneBy(undoId));

/**
 * Whether a call of a run that is stopped is not given up on: what cannot be known to have happened cannot be undone, so it
 * is found out first, where its tool can tell (E2).
 */
export const isToBeFoundOut = (run: OpenRun, { policy }: OpenCall): boolean =>
  isToBeUndone(run) && policy.undo !== null && policy.canVerify;

/** What the end of a run says was undone and what was not; null where there was nothing to undo. */
export const undoReport = (run: OpenRun): UndoReport | null => {
  const { undoing, writes } = run;
  if (!isToBeUndone(run)) return null;
  if (undoing === null && writes.every(({ undo }) => undo === null)) return null;
  return {
    undone: undoing?.undone ?? [],
    notUndone: [
      ...(undoing?.notUndone ?? []),
      /* guard E10: what was not undone is said */ ...writes.map(stillStanding),
    ],
  };
};

const stillStanding = ({ callId, tool, status }: WriteCall): NotUndoneCall => ({
  callId,
  tool,
  reason: status === "done" ? "no-undo" : "outcome-unknown",
  code: null,
});
