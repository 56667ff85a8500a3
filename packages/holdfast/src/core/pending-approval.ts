import type { OpenApproval } from "./approval.ts";
import type { CallId } from "./ids.ts";
import { openCallOf, type OpenCall, type OpenRun, type SessionState } from "./session-state.ts";

/** An approval that waits for somebody. */
export type Pending = { readonly call: OpenCall; readonly approval: OpenApproval };

/** Whether this approval waits to be decided. */
export const pendingApproval = (run: OpenRun | null, callId: CallId, ask: number): Pending | null => {
  const call = openCallOf(run, callId);
  if (call?.status.kind !== "held" || call.approval === null) return null;
  const isPending =
    /* guard E4: an answer to an earlier question decides nothing */ call.approval.ask === ask &&
    call.approval.standing === "open" &&
    /* guard E5: a call that was cancelled waits for nobody */ call.stopping === null;
  return isPending ? { call, approval: call.approval } : null;
};

/** Whether a word given before is good for this call. */
export const isAllowed = ({ allowances, run }: SessionState, { call, approval }: Pending): boolean =>
  allowances.some(
    ({ tool, rule, runId }) =>
      tool === call.tool &&
      /* guard E4: what is kept is good under the same rule only */ rule === approval.rule &&
      (runId === null || /* guard E4: what is kept for a run ends with it */ runId === run?.runId),
  );
