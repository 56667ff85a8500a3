import type { Effect } from "./effect.ts";
import { record } from "./owed.ts";
import { mayHaveActed } from "./plan-waiting-call.ts";
import type { OpenCall, OpenRun } from "./session-state.ts";
import { isUndoId } from "./undo-terms.ts";

/** Characters the model will see for a call that was closed without content. */
export const CLOSED_CALL_CHARS = 80;

/** The call gets its one result without having been run, or without being waited for any more. */
export const closeAs = (
  { runId }: OpenRun,
  { callId, attempt }: OpenCall,
  as: "cancelled" | "unknown",
): Effect => {
  const common = { runId, callId, attempt, chars: CLOSED_CALL_CHARS, next: { kind: "give-up" } as const };
  return as === "cancelled"
    ? record({
        type: "tool-call.failed",
        ...common,
        code: "TOOL_CANCELLED",
        durationMs: 0,
        repeats: 1,
        spent: null,
      })
    : record({ type: "tool-call.unknown", ...common, code: "TOOL_OUTCOME_UNKNOWN" });
};

/** Nobody is asked about a call of a run that is being undone: where its tool could not tell, that is reported (E10). */
const isLeftUnknown = ({ undoing }: OpenRun, { callId, status }: OpenCall): boolean =>
  undoing !== null && !isUndoId(callId) && status.kind === "unknown" && status.next.kind === "ask";

/** Nothing of it is under way here. */
const IDLE: ReadonlySet<OpenCall["status"]["kind"]> = new Set([
  "requested",
  "held",
  "handed-over",
  "retrying",
  "waiting",
]);

/**
 * What a single call that was cancelled owes, while its run goes on (E5): its result, where nothing of it is under way;
 * null where it goes its way. A `write` that was lost, or came back badly, is found out like any other (E2), unless
 * that is not waited for any more.
 */
export const planStoppedCall = (run: OpenRun, call: OpenCall): Effect | null => {
  const { stopping, status, policy } = call;
  if (stopping === null) return null;
  const isIdle = IDLE.has(status.kind);
  // What has suspended itself may have done part of it; nobody waits for the rest.
  if (isIdle && mayHaveActed(call)) return closeAs(run, call, "unknown");
  // guard E5: a cancelled call that does not run gets its result
  if (isIdle || (status.kind === "lost" && policy.effect !== "write")) return closeAs(run, call, "cancelled");
  const isGivenUp = stopping === "given-up" || isLeftUnknown(run, call);
  return status.kind === "unknown" && isGivenUp ? closeAs(run, call, "unknown") : null;
};

/** What the cancelled calls of the open turn owe: also where nothing else may happen. */
export const stoppedCalls = (run: OpenRun): readonly Effect[] =>
  run.phase.kind === "calling-tools"
    ? run.phase.calls.flatMap((call) => planStoppedCall(run, call) ?? [])
    : [];
