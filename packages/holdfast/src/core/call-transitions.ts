import type { AfterToolFailure, AfterUnknown, ApprovalHeader, HeaderOf, ToolHeader } from "./event.ts";
import { childAgentOf } from "./child-call.ts";
import { handOffTarget } from "./hand-off-terms.ts";
import { hasBegun } from "./has-begun.ts";
import { mayHaveActed } from "./plan-waiting-call.ts";
import type { OpenCall } from "./session-state.ts";
import { isUndoId } from "./undo-terms.ts";

type ApprovalEvent = Exclude<ApprovalHeader, { readonly type: "approval.forgotten" }>;

/** Events that speak of one call of the open turn. */
export type CallEvent = ToolHeader | ApprovalEvent;

/** Whether a call may get this event: above all, a settled call is not there any more (E1). */
export const callAllows = (call: OpenCall, header: CallEvent): boolean => {
  switch (header.type) {
    case "tool-call.started":
      return (
        /* guard E1: a call that cannot start does not */ mayStart(call) &&
        /* guard E5: a call that was cancelled does not start */ call.stopping === null &&
        call.policy.by === "runtime" &&
        /* guard E1: no attempt is made twice */ header.attempt === call.attempt + 1
      );
    case "tool-call.suspended":
      return isCurrent(call, header) && call.status.kind === "started";
    case "tool-call.deferred":
      return mayStart(call) && call.stopping === null && call.policy.by === "runtime";
    case "tool-call.resumed":
      return call.status.kind === "waiting";
    case "tool-call.cancel-requested":
      return header.isGivenUp
        ? call.status.kind === "unknown" && call.stopping !== "given-up"
        : call.stopping === null;
    case "tool-call.completed":
      return isCurrent(call, header) && mayComplete(call, header.by);
    case "tool-call.failed":
      return isCurrent(call, header) && mayFail(call, header.next.kind);
    case "tool-call.unknown":
      return isCurrent(call, header) && mayBeUnknown(call, header.next.kind);
    case "tool-call.verified":
      return isCurrent(call, header) && isVerifying(call);
    case "tool-call.resolved":
      return call.status.kind === "unknown";
    case "tool-call.held":
      return isHandedTo(call, header.child) && mayStart(call);
    case "tool-call.late":
      return true;
    default:
      return approvalAllows(call, header);
  }
};

/** To another agent, where the tool is one, else to the caller. */
const isHandedTo = ({ policy }: OpenCall, child: string | null): boolean =>
  child === null ? policy.by === "caller" : childAgentOf(policy) !== null;

const mayComplete = (call: OpenCall, by: HeaderOf<"tool-call.completed">["by"]): boolean => {
  switch (by) {
    case "execution":
      return call.status.kind === "started";
    case "verification":
      return isVerifying(call);
    case "caller":
    case "agent":
      return (
        call.status.kind === "handed-over" &&
        /* guard E1: a caller does not answer for a child */ (by === "agent") === (call.status.child !== null)
      );
    case "interceptor":
      return call.status.kind === "requested" && call.attempt === 0;
    case "last-good":
      return call.status.kind === "requested" && call.policy.effect === "read";
    case "hand-off":
      return handOffTarget(call.policy) !== null && mayStart(call);
  }
};

/** What may become of the approval of a call (E4): each asked for once, and decided at most once. */
const approvalAllows = (call: OpenCall, header: ApprovalEvent): boolean => {
  const { status, approval, policy } = call;
  if (header.type === "approval.requested") {
    if (isUndoId(header.callId)) return false;
    return approval === null
      ? isNotBegun(call) && header.ask === 1
      : /* guard E4: nobody is asked twice about the same */ approval.standing === "void" &&
          header.ask === approval.ask + 1;
  }
  if (approval === null || header.ask !== approval.ask) return false;
  // guard E4: what is decided is not decided again
  if (approval.standing === "open") return status.kind === "held";
  return header.type === "approval.voided" && approval.standing === "granted" && isAtRest(status, policy);
};

/** It may have been put off meanwhile, because as many of its tool's were under way as may be. */
const isNotBegun = (call: OpenCall): boolean =>
  call.status.kind === "requested" || (call.status.kind === "retrying" && !hasBegun(call));

/** Whether nothing of the call is under way, or may have taken place (E2). */
const isAtRest = ({ kind }: OpenCall["status"], { effect }: OpenCall["policy"]): boolean =>
  kind === "requested" || kind === "retrying" || (kind === "lost" && effect !== "write");

/** What is said of an attempt counts only while it is the last one: an earlier one was given up on. */
const isCurrent = (call: OpenCall, header: { readonly attempt: number }): boolean =>
  header.attempt === call.attempt;

const isVerifying = ({ status }: OpenCall): boolean =>
  status.kind === "unknown" && status.next.kind === "verify";

/** A failure says that the call did nothing more; of a lost `write` nobody can say that (E2). */
const mayFail = (call: OpenCall, next: AfterToolFailure["kind"]): boolean => {
  if (next === "other-tool" || next === "last-good") return mayBeReplaced(call, next);
  switch (call.status.kind) {
    case "started":
      return true;
    case "requested":
    case "held":
    case "handed-over":
    case "retrying":
    case "waiting":
      return next === "give-up";
    case "lost":
      return (
        next === "give-up" &&
        /* guard E2: of a lost write nobody says that it failed */ call.policy.effect !== "write"
      );
    case "unknown":
      return next === "give-up" && isVerifying(call);
  }
};

/** Something else takes its place, where it surely did not happen; once, and nothing that had to be approved. */
const mayBeReplaced = (
  { status, policy, approval, insteadOf, attempt }: OpenCall,
  next: "other-tool" | "last-good",
): boolean => {
  const isAtWork =
    status.kind === "started" ||
    status.kind === "requested" ||
    status.kind === "retrying" ||
    (status.kind === "lost" && policy.effect === "read");
  if (next === "last-good") return isAtWork && policy.effect === "read";
  const mayHaveHappened = policy.effect === "idempotent" && attempt > 0;
  return isAtWork && !mayHaveHappened && approval === null && insteadOf === null;
};

const mayBeUnknown = (call: OpenCall, next: AfterUnknown["kind"]): boolean => {
  const { kind } = call.status;
  return (
    kind === "started" ||
    kind === "lost" ||
    isVerifying(call) ||
    (kind === "unknown" && next === "give-up") ||
    (mayHaveActed(call) && next === "give-up")
  );
};

/** A lost `write` is never started again: its outcome has to be found out first (E2). */
const mayStart = (call: OpenCall): boolean => {
  // guard E4: what was asked for starts when it is granted
  if (call.approval !== null && call.approval.standing !== "granted") return false;
  if (call.status.kind === "requested" || call.status.kind === "retrying") return true;
  return (
    call.status.kind === "lost" && /* guard E2: a lost write does not start */ call.policy.effect !== "write"
  );
};
