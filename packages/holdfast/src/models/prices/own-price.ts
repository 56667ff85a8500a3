import { ConfigurationError } from "../../core/errors.ts";
import type { Usage } from "../../core/usage.ts";

/** What a model costs, in US dollars for a million tokens. */
export type ModelPrice = {
  readonly inputPerMTok: number;
  readonly outputPerMTok: number;
  /** `inputPerMTok` when absent. */
  readonly cacheReadPerMTok?: number;
  /** `inputPerMTok` when absent. */
  readonly cacheWritePerMTok?: number;
  /** `outputPerMTok` when absent. */
  readonly reasoningPerMTok?: number;
};

const PER_MILLION = 1_000_000;

/**
 * @throws ConfigurationError OPTION_INVALID for a price that is negative or not a number: a budget
 * counted with it would never be reached (E8).
 */
export const checkPrice = (model: string, price: ModelPrice): ModelPrice => {
  for (const [name, value] of Object.entries(price)) {
    if (value === undefined || (Number.isFinite(value) && value >= 0)) continue;
    throw new ConfigurationError(
      "OPTION_INVALID",
      `The price ${name} of "${model}" is not a number of dollars.`,
    );
  }
  return price;
};

/** US dollars for `usage`; cached and reasoning tokens are priced apart, and never twice. */
export const priceOf = (price: ModelPrice, usage: Usage): number => {
  const { inputTokens, cacheReadTokens, cacheWriteTokens, outputTokens, reasoningTokens } = usage;
  const plainInput = Math.max(0, inputTokens - cacheReadTokens - cacheWriteTokens);
  const plainOutput = Math.max(0, outputTokens - reasoningTokens);
  const dollars =
    plainInput * price.inputPerMTok +
    cacheReadTokens * (price.cacheReadPerMTok ?? price.inputPerMTok) +
    cacheWriteTokens * (price.cacheWritePerMTok ?? price.inputPerMTok) +
    plainOutput * price.outputPerMTok +
    reasoningTokens * (price.reasoningPerMTok ?? price.outputPerMTok);
  return dollars / PER_MILLION;
};
