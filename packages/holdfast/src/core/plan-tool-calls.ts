import { handOffTarget } from "./hand-off-terms.ts";
import { planHandOff, type HandOffStep } from "./plan-hand-off.ts";
import type { Effect } from "./effect.ts";
import { assertNever } from "./errors.ts";
import type { EventDraft } from "./event.ts";
import type { Timestamp } from "./ids.ts";
import { record, type Owed } from "./owed.ts";
import { planApproval, planCallerCall, type HeldStep } from "./plan-held-call.ts";
import { planStoppedCall } from "./plan-stopped-call.ts";
import { planWaitingCall } from "./plan-waiting-call.ts";
import { nextStepForUnknown } from "./settle-tool-call.ts";
import type { OpenCall, OpenRun, SessionState } from "./session-state.ts";
import type { Wait } from "./wait.ts";

export type OpenTurn = { readonly run: OpenRun; readonly calls: readonly OpenCall[] };

/** What the open tool calls of a turn owe. */
export const planToolCalls = (state: SessionState, { run, calls }: OpenTurn, now: Timestamp): Owed => {
  const effects: Effect[] = [];
  const waits: Wait[] = [];
  const starts: Effect[] = [];
  const { inFlight, children } = underWay(calls);
  const room = Math.max(0, run.settings.maxParallelCalls - inFlight - children);
  for (const call of calls) {
    const stopped = call.stopping === null ? null : planStoppedCall(run, call);
    if (stopped !== null) {
      effects.push(stopped);
      continue;
    }
    // Of thousands that are not begun yet, only those are looked at that there is room for.
    if (call.status.kind === "requested" && call.policy.by !== "caller" && starts.length >= room) continue;
    const step = planCall(state, { run, call }, now);
    if (step.kind === "wait") waits.push(step.wait);
    if (step.kind === "record") effects.push(step.effect);
    // What is handed to another agent takes room like what runs here; a caller has room of its own.
    if (step.kind === "hand-over") (call.policy.by === "caller" ? effects : starts).push(step.effect);
    if (step.kind === "records") effects.push(...step.drafts.map(toRecord));
    // What is being verified may be in flight already, so it comes before what is not begun yet.
    if (step.kind === "verify") starts.unshift(step.effect);
    if (step.kind === "start") starts.push(step.effect);
  }
  effects.push(...starts.slice(0, room));
  return { effects, waits, isBusy: inFlight > 0 };
};

/** How many calls run here, and how many other agents are at. */
const underWay = (calls: readonly OpenCall[]): { readonly inFlight: number; readonly children: number } => {
  let inFlight = 0;
  let children = 0;
  for (const { status } of calls) {
    if (status.kind === "started") inFlight += 1;
    if (status.kind === "handed-over" && status.child !== null) children += 1;
  }
  return { inFlight, children };
};

const toRecord = (draft: EventDraft): Effect => ({ kind: "record", draft });

type Step =
  | HeldStep
  | HandOffStep
  | { readonly kind: "start" | "verify" | "record"; readonly effect: Effect };

type CallPlace = { readonly run: OpenRun; readonly call: OpenCall };

const planCall = (state: SessionState, { run, call }: CallPlace, now: Timestamp): Step => {
  const { status, callId, tool, attempt } = call;
  const start: Step = { kind: "start", effect: { kind: "call-tool", callId, tool, attempt: attempt + 1 } };
  switch (status.kind) {
    case "requested":
      if (handOffTarget(call.policy) !== null) return planHandOff(call, run);
      return call.policy.by === "runtime"
        ? start
        : /* guard E1: what the caller runs is not run here */ planCallerCall(call, { run, now });
    case "held":
      return call.approval === null
        ? { kind: "none" }
        : planApproval(state, { call, approval: call.approval }, { run, now });
    case "handed-over":
      return planCallerCall(call, { run, now });
    case "retrying":
      return status.dueAt <= now
        ? start
        : /* guard E7: a tool call is not repeated before its time */ {
            kind: "wait",
            wait: { kind: "retry", until: status.dueAt },
          };
    case "waiting": {
      const step = planWaitingCall(state, { run, call }, { status, now });
      return step.kind === "wait" ? step : { kind: "record", effect: record(step.header) };
    }
    case "started":
      return { kind: "none" };
    case "lost":
      return call.policy.effect === "write"
        ? /* guard E2: a lost write is not repeated */ askAboutLost(run, call, status)
        : start;
    case "unknown": {
      const { next } = status;
      // guard E2: a call that a person is asked about is not verified
      if (next.kind === "ask") return { kind: "wait", wait: { kind: "resolution", callId } };
      return next.notBefore > now
        ? /* guard E2: nothing is verified while it can be under way */ {
            kind: "wait",
            wait: { kind: "verification", callId, until: next.notBefore },
          }
        : { kind: "verify", effect: { kind: "verify-call", callId, tool, attempt } };
    }
    default:
      return assertNever(status);
  }
};

/** A `write` whose holder is gone is never repeated before its outcome is known (E2). */
const askAboutLost = (run: OpenRun, call: OpenCall, status: OpenCall["status"] & { kind: "lost" }): Step => ({
  kind: "record",
  effect: record({
    type: "tool-call.unknown",
    runId: run.runId,
    callId: call.callId,
    attempt: call.attempt,
    code: "TOOL_CALL_LOST",
    chars: 0,
    next: nextStepForUnknown(
      call.policy,
      Math.max(
        /* guard E2: verifying waits for the time of the attempt */ status.notAfter,
        /* guard E2: verifying waits for the lease of its holder */ status.safeAt,
      ),
    ),
  }),
});
