import type { Effect } from "./effect.ts";
import type { FailureCode } from "./failure.ts";
import type { Timestamp } from "./ids.ts";
import { lostCall } from "./lost-model-call.ts";
import { planBudget } from "./plan-budget.ts";
import { endRun, planEnd } from "./plan-end.ts";
import { NOTHING_OWED, owes, record, type Owed } from "./owed.ts";
import { stoppedCalls } from "./plan-stopped-call.ts";
import { planSummary } from "./plan-summary.ts";
import { planToolCalls } from "./plan-tool-calls.ts";
import { withWaits } from "./plan-waits.ts";
import { isInFlight, totalsOf, type OpenRun, type Phase, type SessionState } from "./session-state.ts";
import { owesUndo } from "./undo.ts";
import { nextSteer } from "./when-active.ts";
import { planCompaction } from "./window.ts";

/** Holders lost in a row, without one completed effect, before an operator must look. */
export const MAX_TAKEOVERS = 3;

/**
 * The effects still owed by a session: the whole policy of the runtime, as a pure function.
 *
 * - A settled call is never asked for: it has left the state (E1).
 * - No model call is asked for while a tool call is open (E3).
 * - `record` effects come alone: the engine folds them and plans again, so every decision is in the
 *   journal before anything acts on it.
 * - An effect that is already in flight may be asked for again; the engine starts each once.
 */
export const plan = (state: SessionState, now: Timestamp): readonly Effect[] => {
  const { run } = state;
  if (run === null) {
    const next = state.queue[0];
    // guard S3: in a paused session no run begins
    if (state.isPaused) return [];
    return next === undefined ? [] : [{ kind: "start-run", runId: next.runId, acceptedAt: next.acceptedAt }];
  }
  // guard E5: a run that is being stopped begins nothing
  if (run.stopping !== null) return planEnd(run, now);
  // guard S3: a run that waits for somebody is left alone
  if (isHeldBySomeone(run)) return stoppedCalls(run);
  // guard E6: a run has a time limit
  if (isOverdue(run, now)) return [record({ type: "run.expired", runId: run.runId })];
  return withWaits(run, planRun(state, run, now), { now, deadline: deadlineOf(run) });
};

/** The duration limit (E6); time spent suspended does not count. */
export const deadlineOf = (run: OpenRun): Timestamp => {
  // guard E10: undoing is not held to the time that ran out
  if (run.undoing !== null) return NEVER;
  return (
    run.startedAt +
    run.settings.maxDurationMs +
    /* guard E6: time spent suspended does not count */ run.suspendedMs
  );
};

const NEVER: Timestamp = Number.MAX_SAFE_INTEGER;

/** An answer that is there is not thrown away because its last word is written late. */
const isOverdue = (run: OpenRun, now: Timestamp): boolean =>
  // guard E6: a suspended run is not overdue
  run.suspended === null &&
  // guard E6: an answer that is there is not thrown away
  run.phase.kind !== "answered" &&
  run.phase.kind !== "failing" &&
  now >= deadlineOf(run);

/** Suspended until an operator, or a process that knows the definition, resumes it. */
export const isHeldBySomeone = (run: OpenRun): boolean =>
  run.suspended?.waitingFor.some((wait) => wait.kind === "operator" || wait.kind === "definition") ?? false;

/** What has an answer comes to its end all the same. */
const pauseOf = ({ isPaused }: SessionState, run: OpenRun): "paused" | null =>
  isPaused && !isAtItsEnd(run) ? /* guard S3: in a paused session nothing is done */ "paused" : null;

const isAtItsEnd = (run: OpenRun): boolean =>
  run.undoing === null ? run.phase.kind === "answered" || run.phase.kind === "failing" : !owesUndo(run);

const planRun = (state: SessionState, run: OpenRun, now: Timestamp): Owed => {
  const reason =
    state.takeovers >= MAX_TAKEOVERS
      ? /* guard S1: a session on which holders keep dying is left to an operator */ "poisoned"
      : pauseOf(state, run);
  if (reason !== null) {
    const lost = lostCall(run, { now, next: { kind: "retry", dueAt: now } });
    // What nobody will hear of any more gives back what it had set aside (E8).
    // guard E8: a session that is left to an operator holds no money
    if (lost !== null && hasReserved(run)) return owes(lost);
    const stopped = stoppedCalls(run);
    // guard E5: a call that was cancelled gets its result also where nothing else may happen
    if (stopped.length > 0) return { ...NOTHING_OWED, effects: stopped };
    return { effects: [], waits: [{ kind: "operator", reason }], isBusy: isInFlight(run) };
  }
  const { phase } = run;
  const durationMs = now - run.startedAt;
  switch (phase.kind) {
    case "ready":
      return planModelCall(state, run, { phase, now });
    case "summarising":
    case "calling-model": {
      // Repeated without spending an attempt: it did not fail, its holder did.
      const lost = lostCall(run, { now, next: { kind: "retry", dueAt: now } });
      return lost === null
        ? /* guard E1: a model call in flight is not made again */ { ...NOTHING_OWED, isBusy: true }
        : owes(lost);
    }
    case "calling-tools":
      return planToolCalls(state, { run, calls: phase.calls }, now);
    case "answered":
      return owes(
        record({
          type: "run.completed",
          runId: run.runId,
          answerAt: phase.answerAt,
          durationMs,
          totals: totalsOf(run),
        }),
      );
    case "failing":
      return owes(endRun(run, run.undoing ?? phase, now));
  }
};

const hasReserved = ({ phase }: OpenRun): boolean =>
  (phase.kind === "calling-model" || phase.kind === "summarising") && phase.call.reserved !== null;

const planModelCall = (
  state: SessionState,
  run: OpenRun,
  { phase, now }: { readonly phase: Phase & { kind: "ready" }; readonly now: Timestamp },
): Owed => {
  const { turn, attempt, candidate } = phase;
  const fail = (code: FailureCode): Owed => owes(endRun(run, { code, causeAt: null }, now));
  // guard E6: a run has so many turns
  if (turn > run.settings.maxTurns) return fail("RUN_MAX_TURNS");
  const { maxToolCalls } = run.settings;
  // guard E8: a run has so many tool calls
  if (maxToolCalls !== null && run.toolCalls > maxToolCalls) return fail("RUN_MAX_TOOL_CALLS");
  const { maxRepeats } = run.settings;
  // guard E8: a run that goes round in circles is ended
  if (maxRepeats !== null && run.repeats > maxRepeats) return fail("RUN_LOOPING");
  // guard E7: a model call is not repeated before its time
  if (now < phase.dueAt) return { ...NOTHING_OWED, waits: [{ kind: "retry", until: phase.dueAt }] };
  // What was summed up leaves the window as it was then: nothing joins the run before.
  const summed = run.summary === null ? null : planCompaction(state);
  if (summed !== null) return owes({ kind: "compact", ...summed });
  // What is to join the run is said before the model is asked again, when the turn's calls are closed.
  const steer = nextSteer(state, run);
  if (steer !== null) {
    const { runId: steerId, acceptedAt } = steer;
    return owes(record({ type: "run.steered", runId: run.runId, steerId, acceptedAt }));
  }
  const compaction = planCompaction(state);
  if (compaction !== null)
    return planSummary(state, run, { phase, compaction }) ?? owes({ kind: "compact", ...compaction });
  // guard E7: a prompt that cannot be made shorter is not sent again
  if (run.mustCompact) return fail("MODEL_CONTEXT_OVERFLOW");
  return planBudget(state, run, { phase, now }) ?? owes({ kind: "call-model", turn, attempt, candidate });
};
