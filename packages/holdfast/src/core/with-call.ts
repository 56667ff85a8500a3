import type { CallId } from "./ids.ts";
import type { OpenCall, SessionState } from "./session-state.ts";
import { withRun } from "./with-run.ts";

/** The state with one open call changed; the same state when no such call is open. */
export const withCall = (
  state: SessionState,
  callId: CallId,
  change: (call: OpenCall) => OpenCall,
): SessionState =>
  withRun(state, (run) => {
    if (run.phase.kind !== "calling-tools") return run;
    const { calls } = run.phase;
    const index = calls.findIndex((call) => call.callId === callId);
    const call = calls[index];
    if (call === undefined) return run;
    // A copy of memory, not a walk: an answer may ask for thousands of calls, each of them folded several times.
    return { ...run, phase: { ...run.phase, calls: calls.with(index, change(call)) } };
  });
