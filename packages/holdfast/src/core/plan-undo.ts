import type { Effect } from "./effect.ts";
import type { FailureCode } from "./failure.ts";
import type { Position } from "./ids.ts";
import { record } from "./owed.ts";
import type { OpenRun } from "./session-state.ts";
import { undoIdOf } from "./undo-terms.ts";
import { nextToUndo, owesUndo } from "./undo.ts";

/** How a run ends; `RUN_CANCELLED` where it is cancelled. */
export type RunEnd = { readonly code: FailureCode; readonly causeAt: Position | null };

/**
 * What a run that is about to end owes before: that it is being undone, then the undo of one call after the other, the last
 * first, each to its end (E10). Null when nothing is owed.
 */
export const planUndo = (run: OpenRun, why: RunEnd): Effect | null => {
  const { runId } = run;
  if (!owesUndo(run)) return null;
  if (run.undoing === null)
    return record({ type: "run.undoing", runId, code: why.code, causeAt: why.causeAt });
  const next = nextToUndo(run);
  if (next === undefined) return null;
  return record({
    type: "undo.requested",
    runId,
    undoId: undoIdOf(next.callId),
    undoes: next.callId,
    tool: next.tool,
  });
};
