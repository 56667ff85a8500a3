import { RUN_BUDGET, type BudgetUnit } from "../core/budget-terms.ts";
import { raisedBy, spentOf } from "../core/budget.ts";
import type { OpenRun } from "../core/session-state.ts";
import { totalCostUsd } from "../core/usage.ts";

/** What a run has spent so far, what is set aside for the call it is in, and what it may spend. */
export type RunSpending = {
  /** US dollars, or null when the price of a model was not known. */
  readonly costUsd: number | null;
  /** Read and written. */
  readonly tokens: number;
  readonly toolCalls: number;
  /** For the model call that is under way. */
  readonly reserved: { readonly costUsd: number | null; readonly tokens: number } | null;
  /** Raises included; null is no limit. */
  readonly limits: {
    readonly maxCostUsd: number | null;
    readonly maxTokens: number | null;
    readonly maxToolCalls: number | null;
  };
};

export const spendingOf = (run: OpenRun): RunSpending => {
  const { budget, maxToolCalls } = run.settings;
  const withRaise = (limit: number | null | undefined, unit: BudgetUnit): number | null =>
    limit === null || limit === undefined ? null : limit + raisedBy(run, RUN_BUDGET, unit);
  const { phase } = run;
  const isAsking = phase.kind === "calling-model" || phase.kind === "summarising";
  const reserved = isAsking ? phase.call.reserved : null;
  return {
    costUsd: totalCostUsd(run.spend),
    tokens: spentOf(run, "tokens"),
    toolCalls: run.toolCalls,
    reserved:
      reserved === null
        ? null
        : { costUsd: reserved.costUsd, tokens: reserved.inputTokens + reserved.outputTokens },
    limits: {
      maxCostUsd: withRaise(budget?.maxCostUsd, "usd"),
      maxTokens: withRaise(budget?.maxTokens, "tokens"),
      maxToolCalls,
    },
  };
};
