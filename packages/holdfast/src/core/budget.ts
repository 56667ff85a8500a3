import {
  RUN_BUDGET,
  type BudgetShortage,
  type BudgetUnit,
  type OnLimit,
  type Reserved,
  type RunBudget,
  type TokenRates,
} from "./budget-terms.ts";
import { handedTo } from "./hand-off-terms.ts";
import type { SummarySettings } from "./run-settings.ts";
import type { OpenRun, SessionState } from "./session-state.ts";
import { SUMMARY_PROMPT_AROUND } from "./summary-prompt.ts";
import { charsGone } from "./window.ts";

/**
 * Characters that are taken for one token in the worst case: twice the rule of thumb of `estimateTokens`.
 * Code and most languages stay below it; dense Chinese or Japanese may not. What still exceeds it is
 * recorded as `budget.crossed`, and from the second call on the provider's own count of the last prompt is
 * taken for that part.
 */
const CHARS_PER_TOKEN = 2;
/** Tokens around each message: roles, names, ids of calls. OpenAI documents 3 to 4; ids of calls come on top. */
const TOKENS_PER_ENTRY = 24;
/** The same for what surrounds the whole prompt. */
const TOKENS_AROUND = 64;
/** A call that may write less than this is not worth making; OpenAI refuses fewer than 16. */
const LEAST_OUTPUT_TOKENS = 256;

/** The most tokens that a piece of text is taken for. */
export const mostTokens = (chars: number): number => Math.ceil(chars / CHARS_PER_TOKEN);

/** The most tokens that the next prompt is taken for. */
const promptTokens = (state: SessionState, budget: RunBudget, candidate: number): number => {
  const entries = state.window.length;
  const chars = state.windowChars;
  const measured = state.run?.budget.measured ?? null;
  // A prompt only grows; after it was cut it is reckoned from nothing.
  if (measured?.candidate === candidate && measured.chars <= chars && measured.entries <= entries) {
    const added = mostTokens(chars - measured.chars) + TOKENS_PER_ENTRY * (entries - measured.entries);
    return measured.tokens + added;
  }
  return mostTokens(chars + budget.promptChars) + TOKENS_PER_ENTRY * entries + TOKENS_AROUND;
};

/** What a limit comes to after raises. */
const limitOf = (run: OpenRun, unit: BudgetUnit): number | null => {
  const { budget } = run.settings;
  const limit = unit === "usd" ? (budget?.maxCostUsd ?? null) : (budget?.maxTokens ?? null);
  return limit === null ? null : limit + raisedBy(run, RUN_BUDGET, unit);
};

/** What people have added to a budget for this run. */
export const raisedBy = (run: OpenRun, budget: string, unit: BudgetUnit): number =>
  run.budget.raised.filter((raise) => raise.budget === budget).reduce((sum, raise) => sum + raise[unit], 0);

/** What a run has spent of a unit so far. */
export const spentOf = ({ spend }: OpenRun, unit: BudgetUnit): number =>
  unit === "usd" ? spend.knownCostUsd : spend.usage.inputTokens + spend.usage.outputTokens;

/** What a call that may write so much can come to. */
const worstCase = (rates: TokenRates | null, inputTokens: number, outputTokens: number): Reserved => ({
  inputTokens,
  outputTokens,
  costUsd: rates === null ? null : inputTokens * rates.input + outputTokens * rates.output,
  isLowered: false,
  accounts: [],
});

const needOf = (reserved: Reserved, unit: BudgetUnit): number =>
  unit === "usd" ? (reserved.costUsd ?? 0) : reserved.inputTokens + reserved.outputTokens;

/** Which limit of the run a call does not fit, or null. */
const shortageOf = (run: OpenRun, reserved: Reserved): BudgetShortage | null => {
  for (const unit of UNITS) {
    const limit = limitOf(run, unit);
    const spent = spentOf(run, unit);
    const needed = needOf(reserved, unit);
    if (limit !== null && spent + needed > limit) return { budget: RUN_BUDGET, unit, limit, spent, needed };
  }
  return null;
};

const UNITS = ["usd", "tokens"] as const;

/** How much the model may write for what is left; never more than usual. */
const affordable = (run: OpenRun, rates: TokenRates | null, usual: Reserved): number => {
  const rests = UNITS.flatMap((unit) => {
    const limit = limitOf(run, unit);
    if (limit === null) return [];
    const rest = limit - spentOf(run, unit);
    if (unit === "tokens") return [rest - usual.inputTokens];
    if (rates === null || rates.output === 0) return [];
    return [(rest - usual.inputTokens * rates.input) / rates.output];
  });
  return Math.floor(Math.min(usual.outputTokens, ...rests));
};

/** Whether the next call of a run fits its own limits, and what is then set aside for it. */
export type CallFit =
  | { readonly fits: true; readonly reserved: Reserved | null }
  | { readonly fits: false; readonly shortage: BudgetShortage; readonly cheaper: number | null };

/**
 * Holds the worst case of the next call against the run's own limits: pure, from the state alone. Without
 * any budget nothing is set aside.
 */
export const fitCall = (state: SessionState, run: OpenRun, candidate: number): CallFit => {
  const { budget } = run.settings;
  const usual = usualCase(state, run, candidate);
  if (budget === null || usual === null) return { fits: true, reserved: null };
  const shortage = shortageOf(run, usual);
  if (shortage === null) return { fits: true, reserved: usual };
  const cheaper = cheaperCandidate(state, run, candidate);
  // What is left is spent to the end, unless there is another way to go on.
  if (isKeptFor(budget.onLimit) || (budget.onLimit === "degrade" && cheaper !== null))
    return { fits: false, shortage, cheaper };
  const lowered = lowerCase(run, candidate, usual);
  return lowered === null ? { fits: false, shortage, cheaper } : { fits: true, reserved: lowered };
};

const isKeptFor = (onLimit: OnLimit): boolean => onLimit === "ask" || handedTo(onLimit) !== null;

/**
 * The same of a summary of so many of the oldest entries. It is not worth the call that it is for: there has to be room for
 * both. Null without a budget.
 */
export const fitSummary = (
  state: SessionState,
  run: OpenRun,
  { candidate, dropped }: { readonly candidate: number; readonly dropped: number },
): { readonly fits: boolean; readonly reserved: Reserved | null } => {
  const { budget, summary } = run.settings;
  if (budget === null || summary === null) return { fits: true, reserved: null };
  const chars = summaryPromptChars(state, summary, dropped);
  const inputTokens = mostTokens(chars) + TOKENS_AROUND;
  const reserved = worstCase(budget.summaryRates ?? null, inputTokens, summary.maxOutputTokens);
  const usual = usualCase(state, run, candidate);
  const fits = UNITS.every((unit) => {
    const limit = limitOf(run, unit);
    const needed = needOf(reserved, unit) + (usual === null ? 0 : needOf(usual, unit));
    return limit === null || spentOf(run, unit) + needed <= limit;
  });
  return { fits, reserved };
};

/** How long the prompt of such a summary can be. */
export const summaryPromptChars = (
  state: SessionState,
  { maxPromptChars }: SummarySettings,
  dropped: number,
): number => Math.min(maxPromptChars, charsGone(state, dropped)) + SUMMARY_PROMPT_AROUND;

/** The worst case of a call that may write as much as usual; null without a budget. */
const usualCase = (state: SessionState, run: OpenRun, candidate: number): Reserved | null => {
  const { budget } = run.settings;
  const model = budget?.models[candidate];
  if (budget === null || model === undefined) return null;
  return worstCase(model.rates, promptTokens(state, budget, candidate), model.maxOutputTokens);
};

/** The same call with less to write, as much as the rest pays for; null when that is not worth making. */
const lowerCase = (run: OpenRun, candidate: number, usual: Reserved): Reserved | null => {
  const rates = run.settings.budget?.models[candidate]?.rates ?? null;
  const outputTokens = affordable(run, rates, usual);
  // guard E8: a call that may write too little is not made
  if (outputTokens < Math.min(LEAST_OUTPUT_TOKENS, usual.outputTokens)) return null;
  return { ...worstCase(rates, usual.inputTokens, outputTokens), isLowered: true };
};

/** The next of the agent's models that is cheaper in the worst case and fits the run's own limits. */
export const cheaperCandidate = (state: SessionState, run: OpenRun, candidate: number): number | null => {
  const now = usualCase(state, run, candidate)?.costUsd ?? null;
  const count = run.settings.candidates.length;
  for (let next = candidate + 1; next < count; next += 1) {
    const other = usualCase(state, run, next);
    const cost = other?.costUsd ?? null;
    const isCheaper = cost !== null && now !== null && cost < now;
    if (other !== null && isCheaper && shortageOf(run, other) === null) return next;
  }
  return null;
};
