import { charsIn } from "../core/chars.ts";
import type { OnLimit, Reserved, RunBudget, RunCaps, TokenRates } from "../core/budget-terms.ts";
import { fitCall } from "../core/budget.ts";
import { failure, type Failure } from "../core/failure.ts";
import { handedTo } from "../core/hand-off-terms.ts";
import { tightenCaps, tightenSettings } from "../core/run-limits.ts";
import type { CalledBy } from "../core/child-call.ts";
import type { ModelCandidate, RunSettings } from "../core/run-settings.ts";
import type { OpenRun, SessionState } from "../core/session-state.ts";
import { NO_USAGE, type Charge, type Usage } from "../core/usage.ts";
import type { Agent, AgentCaps } from "../ports/agent.ts";
import type { ModelSettings, PriceList } from "../ports/model.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";
import { budgetsFor } from "./call-budgets.ts";
import { declarationsOf } from "./declarations.ts";
import { overridesIn } from "./session-content.ts";

/** The settings of the run that is about to start: the agent's, tightened by the send. */
export const settingsOf = ({ agent }: ActiveSession, { state }: Batch): RunSettings =>
  tightenSettings(agent.settings, state.queue[0]?.limits ?? {});

/** Whether calls of the run that is about to start are held against anything (E8). */
export const isBudgeted = (session: ActiveSession, batch: Batch): boolean => {
  const { maxCostUsd, maxTokens } = capsOf(session, batch);
  const calledBy = callerOf(batch);
  const isShared = budgetsFor(session, calledBy).length > 0 || (calledBy?.accounts.length ?? 0) > 0;
  return maxCostUsd !== null || maxTokens !== null || isShared;
};

const callerOf = ({ state }: Batch): CalledBy | null => state.queue[0]?.calledBy ?? null;

const capsOf = ({ agent }: ActiveSession, { state }: Batch): RunCaps =>
  tightenCaps(agent.caps, state.queue[0]?.limits ?? {});

/**
 * The same settings with what is needed to hold the run's calls against budgets. A failure instead where a
 * limit in money meets a price nobody knows (E8).
 */
export const budgetedSettings = async (
  session: ActiveSession,
  batch: Batch,
  instructions: string,
): Promise<RunSettings | Failure> => {
  const { agent, content } = session;
  const queued = batch.state.queue[0];
  const accepted = batch.events.find(({ position }) => position === queued?.acceptedAt);
  // What was accepted in this very commit is in no store yet.
  const overrides =
    accepted === undefined ? await content.overrides(queued?.acceptedAt ?? 0) : overridesIn(accepted);
  return withBudget(session, settingsOf(session, batch), {
    agent,
    caps: { ...capsOf(session, batch), onLimit: agent.caps.onLimit },
    calledBy: callerOf(batch),
    overrides,
    instructions,
  });
};

/**
 * What is done at a limit after a run was handed over: as before, but it is not handed over by the rule of an agent
 * that no longer has it, nor by rule once more.
 */
export const ruleAfter = (
  before: OnLimit,
  { next, isByRule }: { readonly next: Agent; readonly isByRule: boolean },
): OnLimit => {
  if (handedTo(before) === null) return before;
  const { onLimit } = next.caps;
  // guard E8: a run is handed over at a limit once at most
  if (isByRule && handedTo(onLimit) !== null) return "stop";
  return onLimit;
};

/** Who spends, by what limits, and what every prompt has around the conversation. */
type Spender = {
  readonly agent: Agent;
  readonly caps: RunCaps & { readonly onLimit: OnLimit };
  readonly calledBy: CalledBy | null;
  readonly overrides: ModelSettings;
  readonly instructions: string;
};

/** Settings with what is needed to hold calls against budgets; a failure where a price is missing. */
export const withBudget = (
  session: ActiveSession,
  settings: RunSettings,
  { agent, caps, calledBy, overrides, instructions }: Spender,
): RunSettings | Failure => {
  const { prices } = session.services;
  const shared = budgetsFor(session, calledBy);
  const isAbove = calledBy?.accounts.some(({ unit }) => unit === "usd") ?? false;
  const { candidates, summary } = settings;
  const rates = candidates.map((candidate) => ratesOf(prices, candidate));
  const summaryRates = summary === null ? null : ratesOf(prices, summary);
  const unknown =
    candidates.find((_, index) => rates[index] === null) ?? (summaryRates === null ? summary : null);
  // guard E8: no run with a limit in money uses a model whose price nobody knows
  if (
    unknown !== null &&
    [{ ...agent.caps, ...caps }, ...shared].some((each) => refusesUnknown(each, isAbove))
  )
    return unknownPrice(unknown);
  const maxOutputTokens =
    overrides.maxOutputTokens ?? agent.modelSettings.maxOutputTokens ?? USUAL_OUTPUT_TOKENS;
  const around = JSON.stringify([declarationsOf(agent.tools), agent.output?.schema ?? null]);
  const budget: RunBudget = {
    maxCostUsd: caps.maxCostUsd,
    maxTokens: caps.maxTokens,
    onLimit: caps.onLimit,
    promptChars: charsIn(instructions) + charsIn(around),
    models: rates.map((each) => ({ rates: each, maxOutputTokens })),
    ...(summaryRates === null ? {} : { summaryRates }),
  };
  return { ...settings, budget };
};

/**
 * How much a model may write in one call under a budget, where nothing is said of it. No public table has the
 * output limits of models; this is what the widest used ones since 2024 take, and room for a long answer.
 */
const USUAL_OUTPUT_TOKENS = 8_192;

const refusesUnknown = (
  { maxCostUsd, onUnknownPrice }: Pick<AgentCaps, "maxCostUsd" | "onUnknownPrice">,
  isLimitedAbove: boolean,
): boolean => (maxCostUsd !== null || isLimitedAbove) && onUnknownPrice === "refuse";

const unknownPrice = ({ provider, modelId }: ModelCandidate): Failure =>
  failure(
    "PRICE_UNKNOWN",
    `This run has a limit in money, and nobody knows what ${provider}/${modelId} costs.`,
    {
      retryable: false,
      hint: `Give its price: createRuntime({ prices: { "${provider}/${modelId}": { inputPerMTok, outputPerMTok } } }), or allow it: limits.onUnknownPrice "allow".`,
      details: { provider, modelId },
    },
  );

/** Where prices per token change, in tokens of one prompt: tables have steps at 128,000, 200,000 and 272,000. */
const SIZES = [1_000, 128_001, 200_001, 272_001, 1_000_000];
const OUTPUT = 1_000;

/** Dividing and multiplying again must not come to less than what is charged in the end. */
const SLACK = 1 + 1e-9;

/** The most a token can cost, by asking for prices at either side of every step; null where nobody knows. */
const ratesOf = (prices: PriceList, { provider, modelId }: ModelCandidate): TokenRates | null => {
  const costOf = (usage: Partial<Usage>): number =>
    prices.costUsd(provider, modelId, { ...NO_USAGE, ...usage }) ?? Number.NaN;
  const inputs = SIZES.flatMap((tokens) => [
    costOf({ inputTokens: tokens }) / tokens,
    costOf({ inputTokens: tokens, cacheWriteTokens: tokens }) / tokens,
  ]);
  const outputs = SIZES.flatMap((inputTokens) => {
    const without = costOf({ inputTokens });
    return [0, OUTPUT].map(
      (reasoningTokens) =>
        (costOf({ inputTokens, outputTokens: OUTPUT, reasoningTokens }) - without) / OUTPUT,
    );
  });
  const rates = { input: Math.max(...inputs) * SLACK, output: Math.max(...outputs) * SLACK };
  return Number.isNaN(rates.input) || Number.isNaN(rates.output) ? null : rates;
};

/** What is set aside for a call that its run's limits have room for; null without a budget. */
export const reserveCall = (state: SessionState, run: OpenRun, candidate: number): Reserved | null => {
  const fit = fitCall(state, run, candidate);
  return fit.fits ? fit.reserved : null;
};

/** What a call of which nothing is ever heard is charged: all that was set aside for it (E8). */
export const worstCharge = ({ inputTokens, outputTokens, costUsd }: Reserved): Charge => ({
  usage: { ...NO_USAGE, inputTokens, outputTokens },
  costUsd,
  isEstimate: true,
});
