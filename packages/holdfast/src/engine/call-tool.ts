import { toldByError } from "../core/errors.ts";
import { failure, toFailure, type Failure } from "../core/failure.ts";
import type { ToolOutcome } from "../core/settle-tool-call.ts";
import { Suspension } from "../ports/suspension.ts";
import type { Deadline, StopReason } from "./deadline.ts";
import type { Outcome } from "./outcome.ts";
import type { ToolAttempt } from "./tool-attempt.ts";
import { enterHere, type Entry, finishCall, finishOutput, leaveEntry, prepareEntry } from "./tool-entry.ts";

/** Time in which a tool that was told to stop may still say that it did nothing. */
export const STOP_GRACE_MS = 200;

/** Runs the tool once. Total: whatever happens comes back as an outcome. */
export const callTool = async (call: ToolAttempt, deadline: Deadline): Promise<Outcome> => {
  const { clock } = call.services;
  const begun = clock.monotonicMs();
  // guard E6: a tool has a time limit
  deadline.after(call.timeoutMs, {
    code: "TOOL_TIMEOUT",
    message: `${call.tool.name} did not finish within ${call.timeoutMs} ms.`,
  });
  // What fails on the way to the tool has not touched the world.
  const outcome = await attemptTool(call, deadline).catch((thrown: unknown) =>
    notEntered(cleanFailure(call, toFailure(thrown))),
  );
  deadline.clear();
  return {
    kind: "tool",
    callId: call.callId,
    attempt: call.attempt,
    durationMs: Math.round(clock.monotonicMs() - begun),
    outcome,
  };
};

const attemptTool = async (call: ToolAttempt, deadline: Deadline): Promise<ToolOutcome> => {
  const preparing = prepareEntry(call, deadline);
  const ready = await deadline.first(preparing);
  // guard E5: what is stopped on the way to the tool does not enter it
  if ("code" in ready) {
    void preparing.then(leaveEntry, () => undefined);
    return notEntered(failure(ready.code, ready.message));
  }
  // guard E3: arguments that do not fit do not reach the tool
  if (!ready.ok) {
    const message = `The arguments of ${call.tool.name} are not valid: ${ready.issues.join("; ")}`;
    return notEntered(cleanFailure(call, failure("TOOL_INPUT_INVALID", message)));
  }
  const refusal = call.refuseEntry();
  // guard J2, E5: who may not act does not enter the tool
  if (refusal !== null) {
    leaveEntry(ready);
    return notEntered(refusal);
  }
  // What goes wrong once it was entered does not say that nothing happened (E2).
  return execute(call, deadline, ready).catch((thrown: unknown) => failedOutcome(call, thrown));
};

const notEntered = (why: Failure): ToolOutcome => ({
  kind: "failed",
  failure: why,
  executed: false,
  retryAfterMs: undefined,
  isEntered: false,
});

const execute = async (call: ToolAttempt, deadline: Deadline, entry: Entry): Promise<ToolOutcome> => {
  const work = enter(call, deadline, entry);
  const first = await deadline.first(work);
  const reason = "code" in first ? first : deadline.reason;
  // guard E5: what comes too late is not used
  if (reason !== null) return giveUp(call, reason, work);
  return work;
};

const enter = (
  call: ToolAttempt,
  deadline: Deadline,
  { value, context, place }: Entry,
): Promise<ToolOutcome> => {
  const failed = (thrown: unknown): ToolOutcome => failedOutcome(call, thrown);
  const came = (): ToolAttempt => (deadline.reason === null ? call : { ...call, isLate: true });
  return place === null
    ? enterHere(call, deadline, () => call.tool.execute(value, context)).then(
        (result) => (isSuspension(result) ? suspendedBy(result) : finishCall(came(), result)),
        failed,
      )
    : place.execute(value, context).then((made) => finishOutput(came(), made), failed);
};

/** Asked of anything: a proxy may throw when it is looked at. */
const isSuspension = (result: unknown): result is Suspension => {
  try {
    return result instanceof Suspension;
  } catch {
    return false;
  }
};

const suspendedBy = ({ until, timeoutMs, key }: Suspension): ToolOutcome => ({
  kind: "suspended",
  until,
  timeoutMs,
  key,
});

/** The attempt is over; what it still brings is recorded as late and not used (E5). */
const giveUp = async (
  call: ToolAttempt,
  reason: StopReason,
  work: Promise<ToolOutcome>,
): Promise<ToolOutcome> => {
  void work.then((late) => {
    // guard E5: what comes late is recorded
    if (late.kind === "completed") call.onLate(late);
  });
  const { promise: over, resolve } = Promise.withResolvers<null>();
  const timer = call.services.clock.startTimer(STOP_GRACE_MS, () => resolve(null));
  const last = await Promise.race([work, over]);
  timer.stop();
  return {
    kind: "failed",
    failure: failure(reason.code, reason.message),
    // Only the tool's own word that nothing happened counts (E2).
    executed:
      last?.kind === "failed" && last.executed === false
        ? false
        : /* guard E2: only the word of the tool counts */ undefined,
    retryAfterMs: undefined,
  };
};

const failedOutcome = (call: ToolAttempt, thrown: unknown): ToolOutcome => ({
  kind: "failed",
  failure: cleanFailure(call, toFailure(thrown, "TOOL_FAILED")),
  ...toldByError(thrown),
});

/** Failures are journaled and shown to the model: no secret may be in them (O2). */
export const cleanFailure = (call: ToolAttempt, failed: Failure): Failure =>
  call.services.redactor.failure(failed);
