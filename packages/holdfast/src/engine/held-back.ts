import { hasBegun } from "../core/has-begun.ts";
import type { OpenCall } from "../core/session-state.ts";
import { closedCall } from "../core/settle-tool-call.ts";
import { isUndoId } from "../core/undo-terms.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";
import type { Held } from "./call-turns.ts";
import { recordResult } from "./record-outcomes.ts";
import { forgoTool, refuseTool, wouldRefuseTool } from "./tool-circuit.ts";
import { agentFor } from "./undo-call.ts";

type OwedCall = { readonly call: OpenCall; readonly tool: string };

/** Whether a call that is owed is not made, because its tool keeps failing in whatever session (E7): then that is its result. */
export const isHeldBack = (session: ActiveSession, batch: Batch, owed: OwedCall): Promise<boolean> =>
  refusedBy(wouldRefuseTool, session, { batch, ...owed });

/**
 * The same in the moment in which the call starts, so that a probe is spent on a call that is made, and not on one that
 * waits for its turn. What it has in its hands then, or null where it is held back.
 */
export const admitCall = async (
  session: ActiveSession,
  batch: Batch,
  owed: OwedCall,
): Promise<readonly Held[] | null> => {
  if (await refusedBy(refuseTool, session, { batch, ...owed })) return null;
  const { run } = batch.state;
  const { callId } = owed.call;
  const found = run === null ? undefined : agentFor(session, run, callId)?.tools.get(owed.tool);
  if (found?.circuit === undefined) return [];
  const leave = (): void => forgoTool(session.services.circuits, found, attemptOf(session, owed.call));
  return [{ callId, leave, giveWay: leave }];
};

const attemptOf = ({ id: sessionId }: ActiveSession, { callId, attempt }: OpenCall) => ({
  sessionId,
  callId,
  attempt,
});

const refusedBy = async (
  refuse: typeof refuseTool,
  session: ActiveSession,
  { batch, call, tool }: OwedCall & { readonly batch: Batch },
): Promise<boolean> => {
  const { run } = batch.state;
  // guard E10: an undo is tried whatever is known of its tool
  if (run === null || isUndoId(call.callId)) return false;
  // guard E2: what may have happened already is not said not to have been called
  if (call.policy.effect !== "read" && (hasBegun(call) || call.resumed !== null)) return false;
  const found = agentFor(session, run, call.callId)?.tools.get(tool);
  const refused =
    found === undefined ? null : refuse(session.services.circuits, found, attemptOf(session, call));
  if (refused === null) return false;
  await recordResult(session, batch, closedCall(run.runId, call, refused));
  return true;
};
