import type { Effect } from "./effect.ts";
import type { AfterFailure } from "./event.ts";
import type { Timestamp } from "./ids.ts";
import { record } from "./owed.ts";
import type { OpenModelCall, OpenRun } from "./session-state.ts";

/** Says of a model call that its holder is gone: charged by estimate, for nobody saw its answer (E8). */
export const lostModelCall = (
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
