import type { EventDraft } from "../core/event.ts";
import type { CallId, Position } from "../core/ids.ts";
import type { JsonValue } from "../core/json.ts";
import {
  settleModelCall,
  settleModelFailure,
  type ModelFailure,
  type ModelOutcome,
} from "../core/settle-model-call.ts";
import { settleSummaryCall, type SummaryOutcome } from "../core/settle-summary-call.ts";
import {
  completedPayload,
  settleToolCall,
  settleVerification,
  type ToolOutcome,
  type VerifyOutcome,
} from "../core/settle-tool-call.ts";
import type { StoredEvent } from "../core/hash-chain.ts";
import type { Blob } from "../ports/journal-store.ts";
import type { OpenCall, OpenRun, SessionState } from "../core/session-state.ts";

/** How something the engine had in flight ended; not yet recorded. */
export type Outcome =
  | { readonly kind: "model-answer"; readonly startedAt: Position; readonly answer: ModelOutcome }
  | {
      readonly kind: "summary";
      readonly startedAt: Position;
      readonly summary: SummaryOutcome;
      /** Where what it was made of stands. */
      readonly of: readonly Position[];
    }
  | { readonly kind: "model-failure"; readonly startedAt: Position; readonly failed: ModelFailure }
  | {
      readonly kind: "tool";
      readonly callId: CallId;
      readonly attempt: number;
      readonly durationMs: number;
      readonly outcome: ToolOutcome;
    }
  | {
      readonly kind: "verification";
      readonly callId: CallId;
      readonly attempt: number;
      readonly durationMs: number;
      readonly outcome: VerifyOutcome;
    };

/**
 * The events that record an outcome. One that nothing is waiting for any more (its attempt was closed
 * by a cancel, a limit or another holder) is kept as late and changes nothing (E1, E5).
 */
export const recordOutcome = (
  state: SessionState,
  outcome: Outcome,
  place: { readonly sessionId: string; readonly now: number },
): readonly EventDraft[] => {
  const { run } = state;
  switch (outcome.kind) {
    case "model-answer": {
      const call = openModelCall(run, outcome.startedAt);
      return run === null || call === null ? [] : settleModelCall(run, call, outcome.answer);
    }
    case "model-failure": {
      const call = openModelCall(run, outcome.startedAt);
      return run === null || call === null
        ? []
        : settleModelFailure(run, call, { ...outcome.failed, ...place });
    }
    case "summary": {
      const isOpen =
        run?.phase.kind === "summarising" &&
        /* guard E1: a summary that is not waited for is not used */ run.phase.call.position ===
          outcome.startedAt;
      return isOpen ? settleSummaryCall(run, run.phase.call, outcome.summary) : [];
    }
    case "tool": {
      const call = openCall(run, outcome);
      // guard E1: what comes of a call that is closed is not used
      if (run === null || call?.status.kind !== "started") return [];
      return [settleToolCall({ run, call, durationMs: outcome.durationMs, ...place }, outcome.outcome)];
    }
    case "verification": {
      const call = openCall(run, outcome);
      // guard E1: what is found out of a call that is closed is not used
      if (run === null || call?.status.kind !== "unknown" || call.status.next.kind !== "verify") return [];
      return [settleVerification({ run, call, durationMs: outcome.durationMs, ...place }, outcome.outcome)];
    }
  }
};

const openModelCall = (
  run: OpenRun | null,
  startedAt: Position,
): Extract<OpenRun["phase"], { kind: "calling-model" }>["call"] | null =>
  run?.phase.kind === "calling-model" &&
  /* guard E1: an answer to another call is not used */ run.phase.call.position === startedAt
    ? run.phase.call
    : null;

const openCall = (
  run: OpenRun | null,
  which: { readonly callId: CallId; readonly attempt: number },
): OpenCall | null => {
  if (run?.phase.kind !== "calling-tools") return null;
  return (
    run.phase.calls.find(
      (call) =>
        call.callId === which.callId &&
        /* guard E1: what comes of an earlier attempt is not used */ call.attempt === which.attempt,
    ) ?? null
  );
};

/** Bytes that belong to these outcomes, as far as an event refers to them. */
export const blobsOf = (outcomes: readonly Outcome[], events: readonly StoredEvent[]): readonly Blob[] =>
  outcomes
    .flatMap((outcome): readonly Blob[] => {
      if (outcome.kind === "model-answer") return outcome.answer.blobs ?? [];
      if (outcome.kind === "summary" || outcome.kind === "model-failure") return [];
      if (outcome.outcome.kind !== "completed") return [];
      return outcome.outcome.blobs ?? [];
    })
    .filter(({ digest }) => events.some(({ payload }) => payload?.includes(digest) === true));

/** The event for a result that came after its call was closed (E5). */
export const recordLate = (late: {
  readonly runId: string;
  readonly callId: CallId;
  readonly attempt: number;
  readonly outcome: Exclude<ToolOutcome, { kind: "suspended" }>;
}): EventDraft => ({
  header: {
    type: "tool-call.late",
    runId: late.runId,
    callId: late.callId,
    attempt: late.attempt,
    status: late.outcome.kind,
  },
  payload:
    late.outcome.kind === "completed"
      ? completedPayload(late.outcome.output, late.outcome.artifact)
      : { failure: late.outcome.failure as JsonValue },
});
