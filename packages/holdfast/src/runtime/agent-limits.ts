import { LIMIT_RULES, type LimitRule, type OnLimit } from "../core/budget-terms.ts";
import { ConfigurationError } from "../core/errors.ts";
import { handsTo } from "../core/hand-off-terms.ts";
import {
  DEFAULT_MAX_REPEATS,
  loosened,
  SEND_LIMITS,
  type AgentLimitsNow,
  type SendLimits,
} from "../core/run-limits.ts";
import type { Agent, AgentCaps } from "../ports/agent.ts";
import { checkOptions, positiveInteger } from "../definitions/known-options.ts";

/** What one run may spend, and what is done about it (E8). */
export type BudgetLimits = {
  /** US dollars of one run. The worst that a model call can cost is set aside before it is made. */
  readonly maxCostUsd?: number;
  /** Tokens of one run, read and written; a prompt counts each time it is sent. */
  readonly maxTokens?: number;
  /** Tool calls of one run. */
  readonly maxToolCalls?: number;
  /**
   * How often the same call may give the same result in a row, 10 by default; `Infinity` for as often as it likes.
   * The model is told, and when it goes on the run fails.
   */
  readonly maxRepeats?: number;
  /**
   * When the next call does not fit: `stop` (default) ends the run before it, `degrade` goes on with the
   * next of the agent's models that is cheaper and fits, `ask` waits for `session.raiseBudget`, and with
   * `handOffTo` the agent of that name goes on with the run and has the session from then on, within what is left.
   */
  readonly onLimit?: LimitRule | { readonly handOffTo: string };
  /** Whether a run with a limit in money may use a model whose price nobody knows; `refuse` by default. */
  readonly onUnknownPrice?: "refuse" | "allow";
};

export const BUDGET_LIMITS = [
  "maxCostUsd",
  "maxTokens",
  "maxToolCalls",
  "maxRepeats",
  "onLimit",
  "onUnknownPrice",
] as const;

/** The same, with defaults. */
export type AgentBudgetLimits = AgentCaps & {
  readonly maxToolCalls: number | null;
  readonly maxRepeats: number | null;
};

const DEFAULTS: AgentBudgetLimits = {
  maxCostUsd: null,
  maxTokens: null,
  maxToolCalls: null,
  maxRepeats: DEFAULT_MAX_REPEATS,
  onLimit: "stop",
  onUnknownPrice: "refuse",
};

/** Whether nothing is said that is not usual: then the definition is what it was without (S6). */
export const areUsual = (limits: AgentBudgetLimits): boolean =>
  BUDGET_LIMITS.every((name) => limits[name] === DEFAULTS[name]);

/** @throws ConfigurationError */
export const checkBudgetLimits = (limits: BudgetLimits, where: string): AgentBudgetLimits => ({
  maxCostUsd: limits.maxCostUsd === undefined ? null : dollars(where, "maxCostUsd", limits.maxCostUsd),
  maxTokens: wholeOrNone(where, "maxTokens", limits.maxTokens),
  maxToolCalls: wholeOrNone(where, "maxToolCalls", limits.maxToolCalls),
  maxRepeats: limits.maxRepeats === undefined ? DEFAULTS.maxRepeats : repeats(where, limits.maxRepeats),
  onLimit: ruleOf(where, limits.onLimit ?? "stop"),
  onUnknownPrice: oneOf(
    where,
    { name: "onUnknownPrice", of: ["refuse", "allow"] },
    limits.onUnknownPrice ?? "refuse",
  ),
});

const ruleOf = (where: string, rule: NonNullable<BudgetLimits["onLimit"]>): OnLimit => {
  if (typeof rule === "string") return oneOf(where, { name: "onLimit", of: LIMIT_RULES }, rule);
  checkOptions(rule, { owner: `${where}: onLimit`, known: ["handOffTo"], later: [] });
  if (typeof rule.handOffTo === "string" && rule.handOffTo !== "") return handsTo(rule.handOffTo);
  throw new ConfigurationError(
    "OPTION_INVALID",
    `${where}: "onLimit.handOffTo" must be the name of an agent.`,
  );
};

const wholeOrNone = (where: string, name: string, value: number | undefined): number | null =>
  value === undefined ? null : positiveInteger(where, name, value);

const repeats = (where: string, value: number): number | null =>
  value === Number.POSITIVE_INFINITY ? null : positiveInteger(where, "maxRepeats", value);

/** A sum of money that can be counted exactly in billionths of a dollar. */
export const dollars = (where: string, name: string, value: number): number => {
  if (Number.isFinite(value) && value > 0 && value <= MOST_USD) return value;
  throw new ConfigurationError(
    "OPTION_INVALID",
    `${where}: "${name}" must be a number of US dollars above 0 and up to ${MOST_USD}, not ${String(value)}.`,
  );
};

const MOST_USD = 9_000_000;

export const oneOf = <Value extends string>(
  where: string,
  { name, of }: { readonly name: string; readonly of: readonly Value[] },
  value: Value,
): Value => {
  if (of.includes(value)) return value;
  throw new ConfigurationError(
    "OPTION_INVALID",
    `${where}: "${name}" must be ${of.map((each) => `"${each}"`).join(" or ")}, not ${JSON.stringify(value)}.`,
  );
};

/** Limits of one send. @throws ConfigurationError OPTION_INVALID also where one is looser than the agent's. */
export const checkSendLimits = (limits: SendLimits, agent: Agent | undefined): SendLimits => {
  const where = "send: limits";
  checkOptions(limits, { owner: where, known: SEND_LIMITS, later: [] });
  for (const [name, value] of Object.entries(limits)) {
    if (name === "maxCostUsd") dollars(where, name, value);
    else positiveInteger(where, name, value);
  }
  const looser = agent === undefined ? null : loosened(limits, limitsOf(agent));
  if (agent === undefined || looser === null) return limits;
  throw new ConfigurationError(
    "OPTION_INVALID",
    `${where}: "${looser}" of ${limits[looser]} is more than the ${limitsOf(agent)[looser]} that agent "${agent.name}" allows.`,
    { hint: "A send may only tighten the limits of its agent.", details: { option: looser } },
  );
};

const limitsOf = ({ settings, caps }: Agent): AgentLimitsNow => ({
  maxTurns: settings.maxTurns,
  maxDurationMs: settings.maxDurationMs,
  maxParallelToolCalls: settings.maxParallelCalls,
  maxToolCalls: settings.maxToolCalls,
  maxRepeats: settings.maxRepeats,
  maxCostUsd: caps.maxCostUsd,
  maxTokens: caps.maxTokens,
});
