import type { HeaderOf } from "./event.ts";
import type { FailureCode } from "./failure.ts";
import type { OpenRun } from "./session-state.ts";
import { undoIdOf } from "./undo-terms.ts";
import { isToBeFoundOut, nextToUndo, owesUndo } from "./undo.ts";

/** A run ends once, as it was decided to; and not before what it did is undone (E10). */
export const mayEndAs = (run: OpenRun, code: FailureCode): boolean => {
  const isDecided =
    run.undoing === null
      ? (run.stopping === "cancelled") === (code === "RUN_CANCELLED")
      : run.undoing.code === code;
  return isDecided && /* guard E10: what is owed to be undone keeps its run open */ !owesUndo(run);
};

/** A run is cancelled once, and once more to be rolled back; one that is being undone, to be rolled back only. */
export const isMoreThanCancelled = (run: OpenRun, mode: "interrupt" | "rollback"): boolean => {
  const isEnding = run.stopping === "cancelled" || run.undoing !== null;
  return !isEnding || (mode === "rollback" && run.rollback === "no");
};

/** It begins when nothing of the run is open but what is found out about first. */
export const mayBeginUndo = (run: OpenRun, { code }: HeaderOf<"run.undoing">): boolean => {
  const { phase, stopping, suspended } = run;
  const isOpen =
    phase.kind === "calling-tools" &&
    phase.calls.some(
      (call) => stopping === null || call.status.kind === "started" || !isToBeFoundOut(run, call),
    );
  return (
    run.undoing === null &&
    owesUndo(run) &&
    (stopping === "cancelled") === (code === "RUN_CANCELLED") &&
    !isOpen &&
    suspended === null
  );
};

/** One call after the other, the last first (E10). */
export const mayRequestUndo = (run: OpenRun, { undoId, undoes }: HeaderOf<"undo.requested">): boolean =>
  run.undoing !== null && nextToUndo(run)?.callId === undoes && undoId === undoIdOf(undoes);
