import type { BudgetStanding } from "./budget-terms.ts";
import { assertNever } from "./errors.ts";
import type { BudgetHeader, HeaderOf } from "./event.ts";
import type { Place } from "./place.ts";
import type { OpenRun, SessionState } from "./session-state.ts";
import { withRun } from "./with-run.ts";

/** Folds what budgets have to say to a run (E8). */
export const reduceBudget = (state: SessionState, header: BudgetHeader, place: Place): SessionState => {
  switch (header.type) {
    case "budget.refused":
      return withRun(state, (run) => refused(run, header, place));
    case "budget.raised":
      return withRun(state, (run) => ({ ...run, budget: raised(run.budget, header) }));
    case "budget.crossed":
      // Kept for the record: what was charged is in the spend already.
      return state;
    default:
      return assertNever(header);
  }
};

const refused = (run: OpenRun, header: HeaderOf<"budget.refused">, place: Place): OpenRun => {
  const { next, turn, attempt, candidate } = header;
  switch (next.kind) {
    case "stop":
      return { ...run, phase: { kind: "failing", code: "BUDGET_EXCEEDED", causeAt: place.position } };
    case "degrade":
      return {
        ...run,
        phase: { kind: "ready", turn, attempt: 1, candidate: next.candidate, dueAt: place.at },
      };
    case "wait":
      return {
        ...run,
        phase: { kind: "ready", turn, attempt, candidate, dueAt: next.dueAt },
        // guard E8: waiting for what others have set aside has an end
        budget: { ...run.budget, waits: run.budget.waits + 1 },
      };
    case "hand-off": {
      const { budget, unit, limit, spent, needed } = header;
      const leavingFor = { budget, unit, limit, spent, needed, agent: next.agent };
      return { ...run, budget: { ...run.budget, leavingFor } };
    }
    case "ask": {
      const { budget, unit, limit, spent, needed } = header;
      return {
        ...run,
        budget: { ...run.budget, asking: { budget, unit, limit, spent, needed, until: next.until } },
      };
    }
    default:
      return assertNever(next);
  }
};

const raised = (standing: BudgetStanding, header: HeaderOf<"budget.raised">): BudgetStanding => {
  const { budget, usd, tokens } = header;
  const before = standing.raised.find((raise) => raise.budget === budget);
  const sum = { budget, usd: usd + (before?.usd ?? 0), tokens: tokens + (before?.tokens ?? 0) };
  return {
    ...standing,
    raised: [...standing.raised.filter((raise) => raise.budget !== budget), sum],
    asking: null,
    leavingFor: null,
    waits: 0,
  };
};

/** A call has begun: nothing is asked for or waited for any more. */
export const withinBudget = (standing: BudgetStanding): BudgetStanding =>
  standing.asking === null && standing.waits === 0 ? standing : { ...standing, asking: null, waits: 0 };
