import type { PendingApproval } from "../../runtime/index.ts";
import { relativeTime } from "./format.ts";

/** The arguments of a call, on one line. */
export const describeInput = ({ input }: Pick<PendingApproval, "input">): string => JSON.stringify(input);

/** What somebody has to know to decide, a name and a value each. */
export const approvalFacts = (
  ask: PendingApproval,
  now: number,
): readonly (readonly [name: string, value: string])[] => [
  ["call", `${ask.tool} ${describeInput(ask)}`],
  ...(ask.reason === null ? [] : [["why", ask.reason] as const]),
  ["who", whoMay(ask)],
  ["asked", relativeTime(ask.askedAt, now)],
  ...(ask.expiresAt === null
    ? []
    : [["until", `${relativeTime(ask.expiresAt, now)}, then it counts as ${ENDS[ask.onTimeout]}`] as const]),
];

const ENDS = { approve: "approved", reject: "rejected" } as const;

const whoMay = ({ approvers, quorum, approvals, excludesRequester }: PendingApproval): string => {
  const names = approvers === null ? "anybody" : approvers.join(", ") || "(names erased)";
  const count = quorum === 1 ? "" : `; ${quorum} of them, ${approvals} so far`;
  return `${names}${count}${excludesRequester ? "; not the session's own user" : ""}`;
};
