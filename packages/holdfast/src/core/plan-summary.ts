import { fitSummary } from "./budget.ts";
import { failure, type FailureCode } from "./failure.ts";
import type { EventDraft } from "./event.ts";
import type { JsonValue } from "./json.ts";
import { owes, type Owed } from "./owed.ts";
import type { OpenRun, Phase, SessionState } from "./session-state.ts";
import { NO_USAGE } from "./usage.ts";
import { maySumUp, type Compaction } from "./window.ts";

/**
 * Whether a model is to sum up what is about to leave the window (E6): null where the run has none, where it was asked already, and
 * where nothing leaves. For want of money it is not asked, and the run goes on all the same (E8).
 */
export const planSummary = (
  state: SessionState,
  run: OpenRun,
  { phase, compaction }: { readonly phase: Phase & { kind: "ready" }; readonly compaction: Compaction },
): Owed | null => {
  const { turn, attempt, candidate } = phase;
  const { dropped } = compaction;
  // guard E6: a summary is asked for once
  if (run.summary !== null) return null;
  if (run.settings.summary === null || run.budget.leavingFor !== null) return null;
  if (dropped === 0 || !maySumUp(state, dropped)) return null;
  // guard E8: a summary that does not fit its run is not made
  if (!fitSummary(state, run, { candidate, dropped }).fits)
    return owes({ kind: "record", draft: unmadeSummary(run, "BUDGET_EXCEEDED", NO_MONEY) });
  return owes({ kind: "call-summary", turn, attempt, candidate, dropped });
};

const NO_MONEY =
  "There is too little left of a budget for a summary by a model and the call that comes after it.";

/** The event that says that no model is asked for a summary, and why. */
export const unmadeSummary = ({ runId }: OpenRun, code: FailureCode, why: string): EventDraft => ({
  header: {
    type: "summary-call.failed",
    runId,
    startedAt: null,
    code,
    charge: { usage: NO_USAGE, costUsd: 0, isEstimate: false },
    durationMs: 0,
  },
  payload: { failure: failure(code, why, { retryable: false }) as JsonValue },
});
