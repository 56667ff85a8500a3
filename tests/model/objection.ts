import type { ReferenceCall } from "./reference-state.ts";
import { REQUESTER, termsOf } from "./tools.ts";

/** Why somebody may not decide on a call. */
export const objectionTo = (
  { tool, approval }: ReferenceCall,
  by: string | undefined,
): "refused" | "voted" | null => {
  const { approvers, escalate, quorum = 1, excludeRequester = false } = termsOf(tool).approval ?? {};
  if (by === undefined) return approvers !== undefined || quorum > 1 || excludeRequester ? "refused" : null;
  if (excludeRequester && by === REQUESTER) return "refused";
  const now = [...(approvers ?? []), ...(approval?.hasEscalated === true ? (escalate?.approvers ?? []) : [])];
  if (approvers !== undefined && !now.includes(by)) return "refused";
  return approval?.votes.has(by) === true ? "voted" : null;
};
