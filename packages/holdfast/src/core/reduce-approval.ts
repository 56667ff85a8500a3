import { MAX_ALLOWANCES, type OpenApproval } from "./approval.ts";
import { assertNever } from "./errors.ts";
import type { ApprovalHeader, HeaderOf } from "./event.ts";
import type { Place } from "./place.ts";
import { openCallOf, type OpenCall, type SessionState } from "./session-state.ts";
import { withCall } from "./with-call.ts";

/** Folds approvals (E4). A call that waits for one is held; one that has it may start. */
export const reduceApproval = (state: SessionState, header: ApprovalHeader, place: Place): SessionState => {
  switch (header.type) {
    case "approval.requested":
      return withCall(state, header.callId, (call) => ({
        ...call,
        // guard E4: a call that is asked about waits
        status: { kind: "held" },
        approval: asked(header, place, call.approval),
      }));
    case "approval.escalated":
      return withApproval(state, header, (approval) => ({ ...approval, level: header.level }));
    case "approval.decided":
      return header.verdict === "reject"
        ? withApproval(state, header, refuse)
        : approved(state, header, place);
    case "approval.expired":
      return header.as === "reject"
        ? withApproval(state, header, refuse)
        : withCall(state, header.callId, grant);
    case "approval.voided":
      return withCall(state, header.callId, withdraw);
    case "approval.forgotten":
      return { ...state, /* guard E4: what is forgotten is good no more */ allowances: [] };
    default:
      return assertNever(header);
  }
};

const asked = (
  header: HeaderOf<"approval.requested">,
  place: Place,
  before: OpenApproval | null,
): OpenApproval => ({
  ask: header.ask,
  hash: header.hash,
  rule: header.rule,
  terms: header.terms,
  requestedAt: place.position,
  askedAt: place.at,
  expiresAt: header.expiresAt,
  level: 0,
  approvedBy: [],
  standing: "open",
  // What was edited before is what is asked about now.
  inputAt: before?.inputAt ?? null,
});

const withApproval = (
  state: SessionState,
  { callId }: { readonly callId: string },
  change: (approval: OpenApproval) => OpenApproval,
): SessionState =>
  withCall(state, callId, (call) =>
    call.approval === null ? call : { ...call, approval: change(call.approval) },
  );

const approved = (state: SessionState, header: HeaderOf<"approval.decided">, place: Place): SessionState => {
  const counted = withApproval(state, header, (approval) => ({
    ...approval,
    hash: header.hash,
    approvedBy: [...approval.approvedBy, header.approver ?? ""],
    inputAt: header.isEdited ? place.position : approval.inputAt,
  }));
  const settled = withCall(counted, header.callId, (call) =>
    header.by === "memory" || /* guard E4: a quorum is waited for */ hasQuorum(call) ? grant(call) : call,
  );
  return remember(settled, header);
};

const hasQuorum = ({ approval }: OpenCall): boolean =>
  approval !== null && approval.approvedBy.length >= approval.terms.quorum;

const grant = (call: OpenCall): OpenCall =>
  call.approval === null
    ? call
    : { ...call, status: { kind: "requested" }, approval: { ...call.approval, standing: "granted" } };

const refuse = (approval: OpenApproval): OpenApproval => ({ ...approval, standing: "refused" });

const withdraw = (call: OpenCall): OpenCall =>
  call.approval === null
    ? call
    : {
        ...call,
        // guard E4: what no longer holds lets nothing start
        status: { kind: "held" },
        approval: { ...call.approval, standing: "void" },
      };

const remember = (state: SessionState, header: HeaderOf<"approval.decided">): SessionState => {
  const call = openCallOf(state.run, header.callId);
  if (header.remember === null || call === undefined || call.approval === null) return state;
  const runId = header.remember === "run" ? header.runId : null;
  const allowance = { tool: call.tool, rule: call.approval.rule, runId };
  return { ...state, allowances: [...state.allowances, allowance].slice(-MAX_ALLOWANCES) };
};
