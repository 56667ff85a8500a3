import type { Effect } from "./effect.ts";
import { assertNever } from "./errors.ts";
import type { Timestamp } from "./ids.ts";
import { lostCall } from "./lost-model-call.ts";
import { record } from "./owed.ts";
import { closeAs } from "./plan-stopped-call.ts";
import { mayHaveActed } from "./plan-waiting-call.ts";
import { planUndo, type RunEnd } from "./plan-undo.ts";
import { totalsOf, type OpenCall, type OpenRun } from "./session-state.ts";
import { isToBeFoundOut, undoReport } from "./undo.ts";

/**
 * Brings a cancelled or expired run to its end (E5): nothing new starts, what is in flight is awaited
 * (the engine has aborted it), everything else is closed, so that the transcript stays valid (E3).
 */
export const planEnd = (run: OpenRun, now: Timestamp): readonly Effect[] => {
  const { phase, stopping } = run;
  if (phase.kind === "calling-model" || phase.kind === "summarising") {
    const lost = lostCall(run, { now, next: { kind: "give-up" } });
    return lost === null ? /* guard E5: a model call in flight is awaited */ [] : [lost];
  }
  if (phase.kind === "calling-tools") {
    const closing = phase.calls.flatMap((call) => closeCall(run, call));
    // guard E10: nothing is undone while something is under way
    if (closing.length > 0 || phase.calls.some(({ status }) => status.kind === "started")) return closing;
  }
  return [
    endRun(run, { code: stopping === "expired" ? "RUN_TIMEOUT" : "RUN_CANCELLED", causeAt: null }, now),
  ];
};

/** The end of a run, or what is owed before it: what it did is undone, and what it said leaves the conversation. */
export const endRun = (run: OpenRun, why: RunEnd, now: Timestamp): Effect => {
  const undo = planUndo(run, why);
  // guard E10: a run does not end before what it did is undone
  if (undo !== null) return undo;
  const { runId } = run;
  const isCancelled = why.code === "RUN_CANCELLED";
  // guard E5: what is rolled back leaves the conversation before its run ends
  if (isCancelled && run.rollback === "owed") return record({ type: "run.rolled-back", runId });
  const common = { durationMs: now - run.startedAt, totals: totalsOf(run), undo: undoReport(run) };
  return isCancelled
    ? record({ type: "run.cancelled", runId, unknown: run.unknown, ...common })
    : record({ type: "run.failed", runId, code: why.code, causeAt: why.causeAt, ...common });
};

const closeCall = (run: OpenRun, call: OpenCall): readonly Effect[] => {
  switch (call.status.kind) {
    case "started":
      return [];
    case "requested":
    case "held":
    case "handed-over":
    case "retrying":
    case "waiting":
      return [closeAs(run, call, mayHaveActed(call) ? "unknown" : "cancelled")];
    case "lost":
      // guard E10: what is to be undone is found out about first
      if (isToBeFoundOut(run, call)) return [];
      return call.policy.effect === "write"
        ? /* guard E2: a lost write is given up on as unknown */ [closeAs(run, call, "unknown")]
        : [closeAs(run, call, "cancelled")];
    case "unknown":
      return call.status.next.kind === "verify" && isToBeFoundOut(run, call)
        ? /* guard E10: what is being found out about is not given up on */ []
        : [closeAs(run, call, "unknown")];
    default:
      return assertNever(call.status);
  }
};
