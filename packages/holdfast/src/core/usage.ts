/** Tokens one or more model calls used, in the way providers bill them. */
export type Usage = {
  /** All input tokens, cached ones included. */
  readonly inputTokens: number;
  /** Input tokens read from the provider's prompt cache; part of `inputTokens`. */
  readonly cacheReadTokens: number;
  /** Input tokens written to the provider's prompt cache; part of `inputTokens`. */
  readonly cacheWriteTokens: number;
  /** All output tokens, reasoning included. */
  readonly outputTokens: number;
  /** Output tokens spent on reasoning; part of `outputTokens`. */
  readonly reasoningTokens: number;
};

export const NO_USAGE: Usage = {
  inputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};

export const addUsage = (left: Usage, right: Usage): Usage => ({
  inputTokens: left.inputTokens + right.inputTokens,
  cacheReadTokens: left.cacheReadTokens + right.cacheReadTokens,
  cacheWriteTokens: left.cacheWriteTokens + right.cacheWriteTokens,
  outputTokens: left.outputTokens + right.outputTokens,
  reasoningTokens: left.reasoningTokens + right.reasoningTokens,
});

/** What one model call used and cost. */
export type Charge = {
  readonly usage: Usage;
  /** US dollars, or null when no price is known. Never 0 for an unknown price. */
  readonly costUsd: number | null;
  /** True when the provider never reported usage and the figures are ours. */
  readonly isEstimate: boolean;
};

/** The sum of many charges. */
export type Spend = {
  readonly usage: Usage;
  /** US dollars of the calls whose price was known. */
  readonly knownCostUsd: number;
  /** Calls whose price was not known. */
  readonly unpricedCalls: number;
  /** Calls charged by estimate. */
  readonly estimatedCalls: number;
};

export const NO_SPEND: Spend = {
  usage: NO_USAGE,
  knownCostUsd: 0,
  unpricedCalls: 0,
  estimatedCalls: 0,
};

export const addCharge = (spend: Spend, charge: Charge): Spend => ({
  usage: addUsage(spend.usage, charge.usage),
  knownCostUsd: spend.knownCostUsd + (charge.costUsd ?? 0),
  unpricedCalls: spend.unpricedCalls + (charge.costUsd === null ? 1 : 0),
  estimatedCalls: spend.estimatedCalls + (charge.isEstimate ? 1 : 0),
});

export const addSpend = (left: Spend, right: Spend): Spend => ({
  usage: addUsage(left.usage, right.usage),
  knownCostUsd: left.knownCostUsd + right.knownCostUsd,
  unpricedCalls: left.unpricedCalls + right.unpricedCalls,
  estimatedCalls: left.estimatedCalls + right.estimatedCalls,
});

/** Dollars spent in all, or null as soon as one call had no known price. */
export const totalCostUsd = (spend: Spend): number | null =>
  spend.unpricedCalls > 0 ? null : spend.knownCostUsd;

/**
 * A guess at the tokens in `chars` characters of mixed text: 4 characters a token, rounded up.
 * The rule of thumb OpenAI and Anthropic publish for English; only used where nothing was reported.
 */
export const estimateTokens = (chars: number): number => Math.ceil(chars / 4);
