import { PARENT_BUDGET, RUN_BUDGET, LIMIT_RULES, type LimitRule } from "../core/budget-terms.ts";
import { ConfigurationError } from "../core/errors.ts";
import type { Budget, BudgetScope } from "../ports/budget.ts";
import { dollars, oneOf } from "./agent-limits.ts";
import { periodsIn, type PeriodLength } from "./budget-period.ts";
import { checkOptions, positiveInteger } from "../definitions/known-options.ts";

/** A limit that many runs share: of a session, a user or a tenant, in all or in each period (E8). */
export type BudgetOptions = {
  /** Yours; accounts are kept under it. */
  readonly name: string;
  /** Each session, user or tenant has an account of its own. A user is one of a tenant. */
  readonly scope: BudgetScope;
  /** Only for this session, user or tenant. */
  readonly of?: string;
  /** `total` by default: a limit for ever. A call counts in the period in which it begins. */
  readonly period?: PeriodLength;
  /** Where days and months begin: an IANA time zone, `UTC` by default. */
  readonly timeZone?: string;
  /** US dollars. */
  readonly maxCostUsd?: number;
  /** Read and written. */
  readonly maxTokens?: number;
  /** As in an agent's `limits`; `stop` by default. */
  readonly onLimit?: LimitRule;
  readonly onUnknownPrice?: "refuse" | "allow";
};

const KNOWN = [
  "name",
  "scope",
  "of",
  "period",
  "timeZone",
  "maxCostUsd",
  "maxTokens",
  "onLimit",
  "onUnknownPrice",
];

/** @throws ConfigurationError */
export const compileBudgets = (budgets: readonly BudgetOptions[]): readonly Budget[] => {
  if (!Array.isArray(budgets))
    throw new ConfigurationError("OPTION_INVALID", 'createRuntime: "budgets" must be a list.');
  const compiled = budgets.map(compileBudget);
  const names = compiled.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return compiled;
  throw new ConfigurationError("OPTION_INVALID", `createRuntime: two budgets are named "${twice}".`);
};

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$/;

const compileBudget = (options: BudgetOptions): Budget => {
  const owner = `createRuntime: budget "${String(options.name)}"`;
  checkOptions(options, { owner, known: KNOWN, later: [] });
  const { name, maxCostUsd, maxTokens, period = "total", timeZone = "UTC" } = options;
  if (typeof name !== "string" || !NAME.test(name) || name === RUN_BUDGET || name === PARENT_BUDGET) {
    throw new ConfigurationError("OPTION_INVALID", `${owner} cannot be called that.`, {
      hint: `Use up to 100 letters, digits, dots, _ or -; "${RUN_BUDGET}" and "${PARENT_BUDGET}" are the run's own.`,
    });
  }
  if (maxCostUsd === undefined && maxTokens === undefined)
    throw new ConfigurationError("OPTION_INVALID", `${owner} has no limit.`, {
      hint: "Give maxCostUsd, maxTokens, or both.",
    });
  return {
    name,
    scope: oneOf(owner, { name: "scope", of: ["session", "user", "tenant"] }, options.scope),
    of: options.of ?? null,
    maxCostUsd: maxCostUsd === undefined ? null : dollars(owner, "maxCostUsd", maxCostUsd),
    maxTokens: maxTokens === undefined ? null : positiveInteger(owner, "maxTokens", maxTokens),
    onLimit: oneOf(owner, { name: "onLimit", of: LIMIT_RULES }, options.onLimit ?? "stop"),
    onUnknownPrice: oneOf(
      owner,
      { name: "onUnknownPrice", of: ["refuse", "allow"] },
      options.onUnknownPrice ?? "refuse",
    ),
    period: periodsIn(oneOf(owner, { name: "period", of: ["total", "day", "month"] }, period), timeZone),
  };
};
