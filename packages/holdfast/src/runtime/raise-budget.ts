import { RUN_BUDGET } from "../core/budget-terms.ts";
import { ConfigurationError, ConflictError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import type { OpenRun } from "../core/session-state.ts";
import { dollars } from "./agent-limits.ts";
import { checkOptions, positiveInteger } from "../definitions/known-options.ts";

/** More for the run that is open: for this run alone, and on top of the limit. */
export type RaiseBudgetOptions = {
  /** `run` for the run's own limits, or the name of a budget; by default the one that is waited for. */
  readonly budget?: string;
  readonly addCostUsd?: number;
  readonly addTokens?: number;
  /** Who says so, for the journal. */
  readonly by?: string;
};

/** What is posted for it. @throws ConfigurationError, ConflictError when no run is open. */
export const readRaise = (
  options: RaiseBudgetOptions,
  { sessionId, run }: { readonly sessionId: string; readonly run: OpenRun | null },
): { readonly runId: string; readonly body: JsonObject } => {
  const owner = "raiseBudget";
  checkOptions(options, { owner, known: ["budget", "addCostUsd", "addTokens", "by"], later: [] });
  const { budget, addCostUsd, addTokens, by } = options;
  if (addCostUsd === undefined && addTokens === undefined) {
    throw new ConfigurationError("OPTION_INVALID", `${owner}: there is nothing to add.`, {
      hint: "Give addCostUsd in US dollars, addTokens, or both.",
    });
  }
  const usd = addCostUsd === undefined ? 0 : dollars(owner, "addCostUsd", addCostUsd);
  const tokens = addTokens === undefined ? 0 : positiveInteger(owner, "addTokens", addTokens);
  if (run === null) {
    throw new ConflictError(
      "RUN_NOT_OPEN",
      `Session ${sessionId} has no run under way whose budget could be raised.`,
      {
        hint: "A raise is for one run. Give the next one its limits with the agent, or the budget its limit in createRuntime.",
        details: { sessionId },
      },
    );
  }
  const name = budget ?? run.budget.asking?.budget ?? RUN_BUDGET;
  return { runId: run.runId, body: { budget: name, usd, tokens, ...(by === undefined ? {} : { by }) } };
};
