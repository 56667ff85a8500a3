import { hasBegun } from "../core/has-begun.ts";
import type { OpenCall } from "../core/session-state.ts";
import { closedCall } from "../core/settle-tool-call.ts";
import { isUndoId } from "../core/undo-terms.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";
import { recordResult } from "./record-outcomes.ts";
import { refuseTool } from "./tool-circuit.ts";
import { agentFor } from "./undo-call.ts";

/**
 * Whether a call that is owed is not made, because its tool keeps failing in whatever session (E7): then that is its result.
 * It is asked in the moment in which the call would start, so that a probe is spent on a call that is made.
 */
export const isHeldBack = async (
  session: ActiveSession,
  batch: Batch,
  { call, tool }: { readonly call: OpenCall; readonly tool: string },
): Promise<boolean> => {
  const { run } = batch.state;
  // guard E10: an undo is tried whatever is known of its tool
  if (run === null || isUndoId(call.callId)) return false;
  // guard E2: what may have happened already is not said not to have been called
  if (call.policy.effect !== "read" && (hasBegun(call) || call.resumed !== null)) return false;
  const found = agentFor(session, run, call.callId)?.tools.get(tool);
  const refused =
    found === undefined
      ? null
      : refuseTool(session.services.circuits, found, { ...call, sessionId: session.id });
  if (refused === null) return false;
  await recordResult(session, batch, closedCall(run.runId, call, refused));
  return true;
};
