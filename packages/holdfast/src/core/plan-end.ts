import type { Effect } from "./effect.ts";
import { assertNever } from "./errors.ts";
import type { Timestamp } from "./ids.ts";
import { lostModelCall } from "./lost-model-call.ts";
import { record } from "./owed.ts";
import { closeAs } from "./plan-stopped-call.ts";
import { mayHaveActed } from "./plan-waiting-call.ts";
import { totalsOf, type OpenCall, type OpenRun, type Stopping } from "./session-state.ts";

/**
 * Brings a cancelled or expired run to its end (E5): nothing new starts, what is in flight is awaited
 * (the engine has aborted it), everything else is closed, so that the transcript stays valid (E3).
 */
export const planEnd = (run: OpenRun, now: Timestamp): readonly Effect[] => {
  const { phase, stopping } = run;
  if (phase.kind === "calling-model") {
    return phase.call.isLost
      ? [lostModelCall(run, phase.call, { now, next: { kind: "give-up" } })]
      : /* guard E5: a model call in flight is awaited */ [];
  }
  if (phase.kind === "calling-tools") return phase.calls.flatMap((call) => closeCall(run, call));
  // guard E5: what is rolled back leaves the conversation before its run ends
  if (run.rollback === "owed") return [record({ type: "run.rolled-back", runId: run.runId })];
  return [settle(run, stopping ?? "cancelled", now)];
};

const settle = (run: OpenRun, stopping: Stopping, now: Timestamp): Effect => {
  const durationMs = now - run.startedAt;
  return stopping === "cancelled"
    ? record({
        type: "run.cancelled",
        runId: run.runId,
        unknown: run.unknown,
        durationMs,
        totals: totalsOf(run),
      })
    : record({
        type: "run.failed",
        runId: run.runId,
        code: "RUN_TIMEOUT",
        causeAt: null,
        durationMs,
        totals: totalsOf(run),
      });
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
      return call.policy.effect === "write"
        ? /* guard E2: a lost write is given up on as unknown */ [closeAs(run, call, "unknown")]
        : [closeAs(run, call, "cancelled")];
    case "unknown":
      return [closeAs(run, call, "unknown")];
    default:
      return assertNever(call.status);
  }
};
