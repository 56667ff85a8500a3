import { hasBegun } from "./has-begun.ts";
import type { Position, RunId, Timestamp } from "./ids.ts";

/**
 * Approvals (E4): somebody's word on one tool call, as it was proposed.
 *
 * Who may speak is kept as digests of names ("principals"), because state has to fold the same when the names
 * are erased; the names themselves are content.
 */

/** Who may decide from a time on; null for anybody. */
export type ApproverLevel = {
  /** Milliseconds after the approval was asked for; 0 for the first level. */
  readonly afterMs: number;
  readonly approvers: readonly string[] | null;
};

/** What it takes to decide; journaled with the request, so that a later deploy does not change it silently. */
export type ApprovalTerms = {
  /** How many different people have to approve; one who rejects is enough. */
  readonly quorum: number;
  /** The first counts at once, each later one when its time has come; earlier levels stay. */
  readonly levels: readonly ApproverLevel[];
  /** Who may not decide, because the call was made for them; null where that does not matter. */
  readonly requester: string | null;
  /** What it comes to when nobody has decided by `expiresAt`. */
  readonly onTimeout: "approve" | "reject";
  /** Whether an approval may be kept for later calls of the same tool. */
  readonly mayRemember: boolean;
};

/** `refused`: the end of the call follows at once. `void`: it no longer holds, and asking again follows at once. */
export type ApprovalStanding = "open" | "granted" | "refused" | "void";

/** The approval of an open call: asked for, maybe granted. */
export type OpenApproval = {
  /** 1 for the first time this call was asked about, 2 after that was voided, … */
  readonly ask: number;
  /** Binds the approval to what it is about; checked again when the call is dispatched. */
  readonly hash: string;
  /** Digest of tool, input schema, effect and terms: what an approval that is kept is good for. */
  readonly rule: string;
  readonly terms: ApprovalTerms;
  /** The event that asked, whose content says why and binds the input. */
  readonly requestedAt: Position;
  readonly askedAt: Timestamp;
  /** An approval is asked for, and good for a start, until then; null for ever. */
  readonly expiresAt: Timestamp | null;
  /** Index of the last level that counts. */
  readonly level: number;
  readonly approvedBy: readonly string[];
  readonly standing: ApprovalStanding;
  /** The decision that changed the input; null when it stands as proposed. */
  readonly inputAt: Position | null;
};

/** A word that was given for every call of a tool. */
export type Allowance = {
  readonly tool: string;
  readonly rule: string;
  /** The run it ends with; null when it is good for the whole session. */
  readonly runId: RunId | null;
};

/** More than anybody gives; the oldest goes first. */
export const MAX_ALLOWANCES = 100;

/** A call that has been asked about so often is refused: its rule will not come to rest. */
export const MAX_ASKS = 5;

/** The principals that may decide now; null for anybody. */
export const approversNow = ({ terms, level }: OpenApproval): ReadonlySet<string> | null => {
  const open = terms.levels.slice(0, level + 1);
  if (open.some(({ approvers }) => approvers === null)) return null;
  return new Set(open.flatMap(({ approvers }) => approvers ?? []));
};

/** Why a principal may not decide, or null when it may. `null` is somebody who did not say who they are. */
export type Objection = "unnamed" | "requester" | "not-an-approver" | "decided-before";

export const objectionTo = (approval: OpenApproval, principal: string | null): Objection | null => {
  const { terms } = approval;
  const allowed = approversNow(approval);
  const mustBeNamed = allowed !== null || terms.requester !== null || terms.quorum > 1;
  // guard E4: where it matters who decides, nobody decides unnamed
  if (principal === null && mustBeNamed) return "unnamed";
  if (principal === null) return null;
  // guard E4: nobody decides on what is done for themselves
  if (principal === terms.requester) return "requester";
  // guard E4: only those who may decide do
  if (allowed !== null && !allowed.has(principal)) return "not-an-approver";
  // guard E4: nobody counts twice
  if (approval.approvedBy.includes(principal)) return "decided-before";
  return null;
};

/** Whether one more approval is enough. */
export const isEnough = ({ terms, approvedBy }: OpenApproval): boolean =>
  approvedBy.length + 1 >= terms.quorum;

/** The next time at which something becomes of it though nobody speaks: escalation or expiry. */
export const approvalDueAt = (approval: OpenApproval): Timestamp | null => {
  const next = approval.terms.levels[approval.level + 1];
  const times = [
    ...(next === undefined ? [] : [approval.askedAt + next.afterMs]),
    ...(approval.expiresAt === null ? [] : [approval.expiresAt]),
  ];
  return times.length === 0 ? null : Math.min(...times);
};

/** Whether an approval is too old for its call to start on it; what counts as approved by silence is not. */
export const isOutdated = (
  call: Parameters<typeof hasBegun>[0] & { readonly approval: OpenApproval | null },
  now: Timestamp,
): boolean => {
  const { approval } = call;
  return (
    approval !== null &&
    approval.expiresAt !== null &&
    approval.expiresAt <= now &&
    !hasBegun(call) &&
    approval.terms.onTimeout === "reject"
  );
};
