import { charsIn } from "./chars.ts";
import type { AfterToolFailure, AfterUnknown, EventDraft, HeaderOf } from "./event.ts";
import { failure, type Failure } from "./failure.ts";
import type { CallId, RunId, Timestamp } from "./ids.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { ToolOutput } from "./message.ts";
import { nextAttemptAt } from "./retry-policy.ts";
import type { ToolPolicy } from "./run-settings.ts";
import type { OpenCall, OpenRun } from "./session-state.ts";
import type { Spend } from "./usage.ts";
import { isToBeFoundOut } from "./undo.ts";

/** Time for a request already on its way to arrive before an outcome is verified. */
export const VERIFY_GRACE_MS = 1_000;
const MAX_VERIFY_TRIES = 5;

/** How one attempt at a tool call ended, as the engine saw it. */
export type ToolOutcome =
  | {
      readonly kind: "completed";
      readonly output: ToolOutput;
      readonly chars: number;
      readonly isCoerced: boolean;
      readonly artifact: JsonObject | null;
      /** What undoing the call needs of its result, where what is shown does not say it (E10). */
      readonly kept?: { readonly result: JsonValue } | null;
      /** Files that were saved with it: name, media type, size and digest of each. */
      readonly artifacts?: readonly JsonObject[];
      /** Bytes the output or an artifact refers to by digest; stored in the commit that records it. */
      readonly blobs?: readonly { readonly digest: string; readonly bytes: Uint8Array }[];
    }
  /** The tool is to be entered again, at a time or by a signal. */
  | {
      readonly kind: "suspended";
      readonly until: Timestamp | null;
      readonly timeoutMs: number | null;
      readonly key: string | null;
    }
  | {
      readonly kind: "failed";
      readonly failure: Failure;
      /** What the tool's author said: false is a promise that nothing happened. */
      readonly executed: boolean | undefined;
      readonly retryAfterMs: number | undefined;
      /** False where it did not come to the tool at all, so that this says nothing of what the tool calls. */
      readonly isEntered?: false;
    };

type Settling = {
  readonly run: OpenRun;
  readonly call: OpenCall;
  readonly sessionId: string;
  readonly now: Timestamp;
  readonly durationMs: number;
};

/** The event that records how an attempt ended, and with it what happens next (E1, E2, E7). */
export const settleToolCall = (settling: Settling, outcome: ToolOutcome): EventDraft => {
  const { run, call, durationMs } = settling;
  if (outcome.kind === "completed") {
    return {
      header: {
        type: "tool-call.completed",
        ...ofCall(run, call),
        durationMs,
        chars: outcome.chars,
        by: "execution",
        isCoerced: outcome.isCoerced,
        repeats: 1,
        spent: null,
      },
      payload: resultPayload(outcome),
    };
  }
  if (outcome.kind === "suspended") return suspended(settling, outcome);
  // guard E2: a write that did not come back well may have happened
  if (call.policy.effect === "write" && outcome.executed !== false)
    return unknownOutcome(settling, outcome.failure);
  return failedOutcome(settling, outcome);
};

/** The event that closes a call with a failure that no attempt brought: denied, or refused. */
export const closedCall = (runId: RunId, call: OpenCall, why: Failure): EventDraft => ({
  header: closing(runId, call, why),
  payload: { failure: why as JsonValue },
});

/** The same where whoever was to answer it says that it failed; an agent has spent something by then. */
export const failedByChild = (
  runId: RunId,
  call: OpenCall,
  { why, spent }: { readonly why: Failure; readonly spent: Spend | null },
): EventDraft => ({
  header: { ...closing(runId, call, why), spent },
  payload: { failure: why as JsonValue },
});

const closing = (runId: RunId, call: OpenCall, why: Failure): HeaderOf<"tool-call.failed"> => ({
  type: "tool-call.failed",
  runId,
  callId: call.callId,
  attempt: call.attempt,
  code: why.code,
  durationMs: 0,
  chars: charsIn(why.message),
  next: { kind: "give-up" },
  repeats: 1,
  spent: null,
});

/** It waits by an absolute time, so that whoever has the session next waits no longer (E6). */
const suspended = (
  { run, call, now, durationMs }: Settling,
  { until, timeoutMs, key }: ToolOutcome & { kind: "suspended" },
): EventDraft => ({
  header: {
    type: "tool-call.suspended",
    ...ofCall(run, call),
    durationMs,
    until: until ?? (timeoutMs === null ? null : now + timeoutMs),
    key,
  },
  payload: null,
});

export const completedPayload = (
  output: ToolOutput,
  artifact: JsonObject | null,
  artifacts: readonly JsonObject[] = [],
): JsonObject => ({
  output: output as JsonValue,
  ...(artifact === null ? {} : { artifact }),
  ...(artifacts.length === 0 ? {} : { artifacts }),
});

const resultPayload = ({
  output,
  artifact,
  artifacts,
  kept,
}: ToolOutcome & { readonly kind: "completed" }): JsonObject => ({
  ...completedPayload(output, artifact, artifacts),
  ...kept,
});

const ofCall = (run: OpenRun, call: OpenCall): { runId: string; callId: CallId; attempt: number } => ({
  runId: run.runId,
  callId: call.callId,
  attempt: call.attempt,
});

const failedOutcome = (settling: Settling, outcome: ToolOutcome & { kind: "failed" }): EventDraft => {
  const { run, call, durationMs } = settling;
  const next = afterFailure(settling, outcome);
  return {
    header: {
      type: "tool-call.failed",
      ...ofCall(run, call),
      code: outcome.failure.code,
      durationMs,
      chars: next.kind === "retry" ? 0 : charsIn(outcome.failure.message),
      next,
      repeats: 1,
      spent: null,
    },
    payload: { failure: outcome.failure as JsonValue },
  };
};

const afterFailure = (settling: Settling, outcome: ToolOutcome & { kind: "failed" }): AfterToolFailure => {
  const { run, call, now, sessionId } = settling;
  if (
    /* guard E5: nothing is tried again in a run that is stopped */ run.stopping !== null ||
    /* guard E5: a call that was cancelled is not tried again */ call.stopping !== null ||
    /* guard E7: what is of no use is not tried again */ !outcome.failure.retryable
  )
    return { kind: "give-up" };
  const dueAt = nextAttemptAt(call.policy.retry, attemptsSpent(call), {
    now,
    seed: `${sessionId}:${call.callId}`,
    retryAfterMs: outcome.retryAfterMs,
  });
  return dueAt === null ? { kind: "give-up" } : { kind: "retry", dueAt };
};

/** Attempts that count towards the retry policy. */
const attemptsSpent = (call: OpenCall): number =>
  call.attempt - /* guard E7: an attempt lost with its holder costs no retry */ call.lost;

/** A `write` that did not come back well may have happened: timeout, abort, throw, all the same (E2). */
const unknownOutcome = (settling: Settling, why: Failure): EventDraft => {
  const { run, call, now } = settling;
  const notAfter = call.status.kind === "started" ? call.status.notAfter : now;
  const next: AfterUnknown =
    run.stopping === null ||
    /* guard E10: a call that may have to be undone is found out about */ isToBeFoundOut(run, call)
      ? nextStepForUnknown(
          call.policy,
          Math.max(now, /* guard E2: verifying waits until the attempt is over */ notAfter),
        )
      : /* guard E5: in a run that is stopped nobody is asked */ { kind: "give-up" };
  return {
    header: {
      type: "tool-call.unknown",
      ...ofCall(run, call),
      code: why.code,
      chars: next.kind === "give-up" ? charsIn(why.message) : 0,
      next,
    },
    payload: { failure: why as JsonValue },
  };
};

/** Verify once nothing of the attempt can still be under way; without `verify`, ask a person. */
export const nextStepForUnknown = (
  policy: ToolPolicy,
  quietAt: Timestamp,
): Exclude<AfterUnknown, { kind: "give-up" }> =>
  policy.canVerify
    ? {
        kind: "verify",
        notBefore: quietAt + /* guard E2: a request on its way has time to arrive */ VERIFY_GRACE_MS,
        tries: 0,
      }
    : /* guard E2: without a check a person is asked */ { kind: "ask" };

/** How one attempt at verifying ended. */
export type VerifyOutcome =
  | (ToolOutcome & { readonly kind: "completed" })
  | { readonly kind: "not-done" }
  | { readonly kind: "unknown"; readonly evidence: JsonValue }
  | { readonly kind: "failed"; readonly failure: Failure };

/** The event that records what verifying found out. */
export const settleVerification = (settling: Settling, outcome: VerifyOutcome): EventDraft => {
  const { run, call, durationMs } = settling;
  switch (outcome.kind) {
    case "completed":
      return {
        header: {
          type: "tool-call.completed",
          ...ofCall(run, call),
          durationMs,
          chars: outcome.chars,
          by: "verification",
          isCoerced: outcome.isCoerced,
          repeats: 1,
          spent: null,
        },
        payload: resultPayload(outcome),
      };
    case "not-done":
      return notDone(settling);
    case "unknown":
      return {
        header: { type: "tool-call.verified", ...ofCall(run, call), status: "unknown", durationMs },
        payload: { evidence: outcome.evidence },
      };
    case "failed":
      return failedVerification(settling, outcome.failure);
  }
};

/** What did not take place may be tried again, as often as the policy allows (E7). */
const notDone = ({ run, call, durationMs }: Settling): EventDraft => {
  if (attemptsSpent(call) < call.policy.retry.maxAttempts) {
    return {
      header: { type: "tool-call.verified", ...ofCall(run, call), status: "not-done", durationMs },
      payload: null,
    };
  }
  const why = failure("TOOL_FAILED", "The call did not take place, and it was tried as often as it may be.", {
    retryable: false,
  });
  return {
    header: {
      type: "tool-call.failed",
      ...ofCall(run, call),
      code: why.code,
      durationMs,
      chars: charsIn(why.message),
      next: { kind: "give-up" },
      repeats: 1,
      spent: null,
    },
    payload: { failure: why as JsonValue },
  };
};

/** A check that failed is tried again, a few times, later each time; then a person is asked. */
const failedVerification = (settling: Settling, why: Failure): EventDraft => {
  const { run, call, now, sessionId } = settling;
  const status = call.status;
  const tries =
    status.kind === "unknown" && status.next.kind === "verify"
      ? status.next.tries + /* guard E7: checks are counted */ 1
      : 1;
  const dueAt = nextAttemptAt(
    { maxAttempts: MAX_VERIFY_TRIES, initialDelayMs: 1_000, maxDelayMs: 60_000 },
    tries,
    { now, seed: `${sessionId}:${call.callId}:verify` },
  );
  const next: AfterUnknown =
    dueAt === null
      ? /* guard E7: checks are not repeated for ever */ { kind: "ask" }
      : { kind: "verify", notBefore: dueAt, tries };
  return {
    header: { type: "tool-call.unknown", ...ofCall(run, call), code: why.code, chars: 0, next },
    payload: { failure: why as JsonValue },
  };
};
