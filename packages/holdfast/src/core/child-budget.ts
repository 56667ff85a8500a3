import { toAccountLimit } from "./accounts.ts";
import { RUN_BUDGET, type BudgetUnit } from "./budget-terms.ts";
import { raisedBy, spentOf } from "./budget.ts";
import type { InheritedLimit } from "./child-call.ts";
import type { RunId, SessionId } from "./ids.ts";
import type { OpenRun } from "./session-state.ts";

const UNITS = ["usd", "tokens"] as const;

/**
 * What the runs below a run may spend of its limits, and its own calls from when it first called an agent: all of them
 * take from one account, so that children that run side by side do not spend the same rest twice (E8).
 */
export const sharedLimits = (sessionId: SessionId, run: OpenRun): readonly InheritedLimit[] => {
  const { budget } = run.settings;
  const before = run.budget.sharedSince;
  if (budget === null || before === null) return [];
  return UNITS.flatMap((unit): readonly InheritedLimit[] => {
    const limit = unit === "usd" ? budget.maxCostUsd : budget.maxTokens;
    if (limit === null) return [];
    const rest = limit + raisedBy(run, RUN_BUDGET, unit) - before[unit];
    return [
      {
        account: accountOfRun(sessionId, run.runId, unit),
        unit,
        limit: Math.max(0, toAccountLimit(rest, unit)),
      },
    ];
  });
};

/** Read as those of budgets: whose it is, the period, the unit. */
const accountOfRun = (sessionId: SessionId, runId: RunId, unit: BudgetUnit): string =>
  [RUN_BUDGET, RUN_BUDGET, sessionId, runId, "total", unit].map(encodeURIComponent).join("/");

/** What a run had spent by itself when it first called an agent. */
export const spentSoFar = (run: OpenRun): { readonly usd: number; readonly tokens: number } => ({
  usd: spentOf(run, "usd"),
  tokens: spentOf(run, "tokens"),
});
