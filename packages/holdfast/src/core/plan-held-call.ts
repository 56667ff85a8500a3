import { approvalDueAt, type OpenApproval } from "./approval.ts";
import { childAgentOf, MAX_DEPTH } from "./child-call.ts";
import type { Effect } from "./effect.ts";
import type { EventDraft } from "./event.ts";
import type { Timestamp } from "./ids.ts";
import { isAllowed, type Pending } from "./pending-approval.ts";
import { CLOSED_CALL_CHARS } from "./plan-stopped-call.ts";
import type { OpenCall, OpenRun, SessionState } from "./session-state.ts";
import type { Wait } from "./wait.ts";

/** What becomes of a call that waits for somebody: decisions to record, or what it goes on waiting for. */
export type HeldStep =
  | { readonly kind: "records"; readonly drafts: readonly EventDraft[] }
  | { readonly kind: "hand-over"; readonly effect: Effect }
  | { readonly kind: "wait"; readonly wait: Wait };

type Place = { readonly run: OpenRun; readonly now: Timestamp };

/** A call that waits for an approval (E4): a word kept from before, the next level, the end of waiting. */
export const planApproval = (state: SessionState, pending: Pending, place: Place): HeldStep => {
  const { call, approval } = pending;
  const about = { runId: place.run.runId, callId: call.callId, ask: approval.ask };
  // guard E3: a call that was refused gets its result
  if (approval.standing === "refused") return records(closedBeforeItRan(about.runId, call, "TOOL_DENIED"));
  if (isAllowed(state, pending)) return records(fromMemory(about, approval));
  // guard E6: an approval is not waited for after its time
  if (approval.expiresAt !== null && approval.expiresAt <= place.now) return expire(about, approval);
  const level = approval.level + 1;
  const next = approval.terms.levels[level];
  // guard E4: others are asked when their time has come
  if (next !== undefined && approval.askedAt + next.afterMs <= place.now) {
    return records({ header: { type: "approval.escalated", ...about, level }, payload: null });
  }
  const until = approvalDueAt(approval);
  const { callId, ask } = about;
  return { kind: "wait", wait: { kind: "approval", callId, ask, until } };
};

type About = { readonly runId: string; readonly callId: string; readonly ask: number };

const fromMemory = (about: About, { hash }: OpenApproval): EventDraft => ({
  header: {
    type: "approval.decided",
    ...about,
    verdict: "approve",
    by: "memory",
    approver: null,
    hash,
    isEdited: false,
    remember: null,
  },
  payload: null,
});

const expire = (about: About, { terms }: OpenApproval): HeldStep =>
  records({ header: { type: "approval.expired", ...about, as: terms.onTimeout }, payload: null });

/** A call that its caller or another agent runs: handed over, waited for, given up on. */
export const planCallerCall = (call: OpenCall, { run, now }: Place): HeldStep => {
  const { runId } = run;
  const { callId, status } = call;
  // guard E6: agents do not call one another for ever
  if (isTooDeep(call, run)) return records(closedBeforeItRan(runId, call, "AGENT_TOO_DEEP"));
  if (status.kind !== "handed-over")
    return { kind: "hand-over", effect: { kind: "hand-over", callId, tool: call.tool } };
  // guard E6: a caller is not waited for after its time
  if (status.dueAt !== null && status.dueAt <= now)
    return records(closedBeforeItRan(runId, call, "TOOL_TIMEOUT"));
  const { dueAt: until, child } = status;
  return {
    kind: "wait",
    wait: child === null ? { kind: "result", callId, until } : { kind: "child", callId, child, until },
  };
};

const isTooDeep = ({ policy, status }: OpenCall, { calledBy }: OpenRun): boolean =>
  childAgentOf(policy) !== null && status.kind !== "handed-over" && (calledBy?.depth ?? 0) >= MAX_DEPTH;

/** The event that gives a call its result though nobody ran it, or came back from it. */
export const closedBeforeItRan = (
  runId: string,
  call: OpenCall,
  code: "TOOL_DENIED" | "TOOL_TIMEOUT" | "TOOL_NOT_RUN" | "AGENT_TOO_DEEP",
): EventDraft => ({
  header: {
    type: "tool-call.failed",
    runId,
    callId: call.callId,
    attempt: call.attempt,
    code,
    durationMs: 0,
    chars: CLOSED_CALL_CHARS,
    next: { kind: "give-up" },
    repeats: 1,
    spent: null,
  },
  payload: null,
});

const records = (...drafts: readonly EventDraft[]): HeldStep => ({ kind: "records", drafts });
