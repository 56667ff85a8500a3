import type { LanguageModelV4Usage } from "@ai-sdk/provider";
import type { Usage } from "../../core/usage.ts";

/** A sum of what is known; undefined when nothing is. */
const sumKnown = (...counts: readonly (number | undefined)[]): number | undefined => {
  const known = counts.filter((count) => count !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, count) => sum + count, 0);
};

/** Servers exist that report NaN, null or fractions. */
const count = (value: number | undefined): number =>
  value !== undefined && Number.isFinite(value) && value > 0 ? Math.round(value) : 0;

/**
 * Usage as a provider reported it, or null when it reported none. A report of nothing but zeros is
 * none: no call uses no tokens, and an unknown charge must not become a charge of 0 (E8).
 */
export const toUsage = (reported: LanguageModelV4Usage | undefined): Usage | null => {
  if (reported === undefined) return null;
  const { inputTokens, outputTokens } = reported;
  const input =
    inputTokens?.total ?? sumKnown(inputTokens?.noCache, inputTokens?.cacheRead, inputTokens?.cacheWrite);
  const output = outputTokens?.total ?? sumKnown(outputTokens?.text, outputTokens?.reasoning);
  if (count(input) === 0 && count(output) === 0) return null;
  return {
    inputTokens: count(input),
    cacheReadTokens: count(inputTokens?.cacheRead),
    cacheWriteTokens: count(inputTokens?.cacheWrite),
    outputTokens: count(output),
    reasoningTokens: count(outputTokens?.reasoning),
  };
};
