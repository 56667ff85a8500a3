import type { Effect } from "./effect.ts";
import { assertNever } from "./errors.ts";
import type { Timestamp } from "./ids.ts";
import { record, type Owed } from "./owed.ts";
import { nextStepForUnknown } from "./settle-tool-call.ts";
import type { OpenCall, OpenRun } from "./session-state.ts";
import type { Wait } from "./wait.ts";

/** What the open tool calls of a turn owe. */
export const planToolCalls = (run: OpenRun, calls: readonly OpenCall[], now: Timestamp): Owed => {
  const effects: Effect[] = [];
  const waits: Wait[] = [];
  const inFlight = calls.filter((call) => call.status.kind === "started").length;
  let free = run.settings.maxParallelCalls - inFlight;
  for (const call of calls) {
    const step = planCall(run, call, now);
    if (step.kind === "wait") waits.push(step.wait);
    if (step.kind === "effect") effects.push(step.effect);
    if (step.kind === "start" && free > 0) {
      free -= 1;
      effects.push({ kind: "call-tool", callId: call.callId, tool: call.tool, attempt: call.attempt + 1 });
    }
  }
  return { effects, waits, isBusy: inFlight > 0 };
};

type Step =
  | { readonly kind: "none" }
  | { readonly kind: "start" }
  | { readonly kind: "effect"; readonly effect: Effect }
  | { readonly kind: "wait"; readonly wait: Wait };

const planCall = (run: OpenRun, call: OpenCall, now: Timestamp): Step => {
  const { status, callId, tool, attempt } = call;
  switch (status.kind) {
    case "requested":
      return { kind: "start" };
    case "retrying":
      return status.dueAt <= now ? { kind: "start" } : { kind: "wait", wait: { kind: "retry", until: status.dueAt } };
    case "started":
      return { kind: "none" };
    case "lost":
      return call.policy.effect === "write" ? askAboutLost(run, call, status) : { kind: "start" };
    case "unknown": {
      const { next } = status;
      if (next.kind === "ask") return { kind: "wait", wait: { kind: "resolution", callId } };
      return next.notBefore > now
        ? { kind: "wait", wait: { kind: "verification", callId, until: next.notBefore } }
        : { kind: "effect", effect: { kind: "verify-call", callId, tool, attempt } };
    }
    default:
      return assertNever(status);
  }
};

/** A `write` whose holder is gone is never repeated before its outcome is known (E2). */
const askAboutLost = (run: OpenRun, call: OpenCall, status: OpenCall["status"] & { kind: "lost" }): Step => ({
  kind: "effect",
  effect: record({
    type: "tool-call.unknown",
    runId: run.runId,
    callId: call.callId,
    attempt: call.attempt,
    code: "TOOL_CALL_LOST",
    chars: 0,
    next: nextStepForUnknown(call.policy, Math.max(status.notAfter, status.safeAt)),
  }),
});
