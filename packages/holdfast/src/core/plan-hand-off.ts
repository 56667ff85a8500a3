import { closedBeforeItRan } from "./plan-held-call.ts";
import type { Effect } from "./effect.ts";
import type { EventDraft } from "./event.ts";
import { handOffTarget } from "./hand-off-terms.ts";
import type { OpenCall, OpenRun } from "./session-state.ts";

export type HandOffStep =
  | { readonly kind: "none" }
  | { readonly kind: "start"; readonly effect: Effect }
  | { readonly kind: "records"; readonly drafts: readonly EventDraft[] };

/**
 * A session is handed over when everything else of the turn is done, for the next agent knows nothing of it; and to one
 * agent only, the first that was named.
 */
export const planHandOff = (call: OpenCall, { phase, runId }: OpenRun): HandOffStep => {
  const open = phase.kind === "calling-tools" ? phase.calls : [];
  const first = open.find(({ policy, stopping }) => handOffTarget(policy) !== null && stopping === null);
  // guard E3: a session is handed over once in a turn
  if (first?.callId !== call.callId)
    return { kind: "records", drafts: [closedBeforeItRan(runId, call, "TOOL_NOT_RUN")] };
  // guard E3: what another agent knows nothing of is done before it comes
  if (open.length > 1) return { kind: "none" };
  return { kind: "start", effect: { kind: "hand-off", callId: call.callId, tool: call.tool } };
};
