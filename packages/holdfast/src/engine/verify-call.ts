import { failure, toFailure } from "../core/failure.ts";
import { toJournalValue } from "../core/journal-value.ts";
import type { VerifyOutcome } from "../core/settle-tool-call.ts";
import { cleanFailure } from "./call-tool.ts";
import { type Deadline, isStopReason } from "./deadline.ts";
import type { Outcome } from "./outcome.ts";
import type { ToolAttempt } from "./tool-attempt.ts";
import { enterHere, finishCall, finishOutput, leaveEntry, prepareEntry } from "./tool-entry.ts";

/** Asks the tool whether an attempt of unknown outcome took place (E2). Total, like calling it. */
export const verifyCall = async (call: ToolAttempt, deadline: Deadline): Promise<Outcome> => {
  const { clock } = call.services;
  const begun = clock.monotonicMs();
  // guard E6: a verification has a time limit
  deadline.after(call.timeoutMs, {
    code: "TOOL_TIMEOUT",
    message: `verify of ${call.tool.name} did not finish in time.`,
  });
  const first = await deadline.first(attemptVerify(call, deadline)).catch((thrown: unknown) => ({
    kind: "failed" as const,
    failure: cleanFailure(call, toFailure(thrown, "TOOL_FAILED")),
  }));
  const outcome: VerifyOutcome = isStopReason(first)
    ? { kind: "failed", failure: failure(first.code, first.message) }
    : first;
  deadline.clear();
  const durationMs = Math.round(clock.monotonicMs() - begun);
  return { kind: "verification", callId: call.callId, attempt: call.attempt, durationMs, outcome };
};

const attemptVerify = async (call: ToolAttempt, deadline: Deadline): Promise<VerifyOutcome> => {
  const { tool } = call;
  const verify = tool.verify?.bind(tool);
  const ready = await prepareEntry(call, deadline);
  if (verify === undefined || !ready.ok) {
    leaveEntry(ready);
    return { kind: "unknown", evidence: "This tool can no longer verify the call." };
  }
  const refusal = call.refuseEntry();
  // guard J2: who may not act does not verify
  if (refusal !== null) {
    leaveEntry(ready);
    return { kind: "failed", failure: refusal };
  }
  const { value, context, place } = ready;
  if (place === null)
    return readVerification(call, await enterHere(call, deadline, () => verify(value, context)));
  const found = await place.verify(value, context);
  if (found.status === "done") return finishOutput(call, found);
  return readVerification(call, found.status === "unknown" ? found.evidence : found);
};

const readVerification = async (call: ToolAttempt, found: unknown): Promise<VerifyOutcome> => {
  const status = typeof found === "object" && found !== null && "status" in found ? found.status : undefined;
  if (status === "not-done") return { kind: "not-done" };
  if (status === "done" && typeof found === "object" && found !== null && "output" in found) {
    return finishCall(call, found.output);
  }
  const evidence = toJournalValue(found).value;
  return { kind: "unknown", evidence: call.services.redactor.value(evidence) };
};
