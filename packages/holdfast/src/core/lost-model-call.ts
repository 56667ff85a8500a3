import type { Effect } from "./effect.ts";
import type { AfterFailure } from "./event.ts";
import type { Timestamp } from "./ids.ts";
import { record } from "./owed.ts";
import type { OpenModelCall, OpenRun } from "./session-state.ts";

/** Says of a model call that its holder is gone: charged by estimate, for nobody saw its answer (E8). */
const lostModelCall = (
  run: OpenRun,
  call: OpenModelCall,
  { now, next }: { readonly now: Timestamp; readonly next: AfterFailure },
): Effect =>
  record({
    type: "model-call.failed",
    runId: run.runId,
    startedAt: call.position,
    attempt: call.attempt,
    code: "MODEL_CALL_LOST",
    charge: call.estimate,
    durationMs: Math.max(0, now - call.at),
    next,
  });

/** The same of whichever call of a model is lost; null where none is. A summary is not asked for again (E6). */
export const lostCall = (
  run: OpenRun,
  { now, next }: { readonly now: Timestamp; readonly next: AfterFailure },
): Effect | null => {
  const { phase, runId } = run;
  if (phase.kind === "calling-model")
    return phase.call.isLost ? lostModelCall(run, phase.call, { now, next }) : null;
  if (phase.kind !== "summarising" || !phase.call.isLost) return null;
  const { position: startedAt, estimate: charge, at } = phase.call;
  return record({
    type: "summary-call.failed",
    runId,
    startedAt,
    code: "MODEL_CALL_LOST",
    charge,
    durationMs: Math.max(0, now - at),
  });
};
