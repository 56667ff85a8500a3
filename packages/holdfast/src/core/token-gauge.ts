import type { HeaderOf } from "./event.ts";
import type { Position } from "./ids.ts";
import { estimateTokens } from "./usage.ts";

/** What a provider last said of the length of a prompt, and what a character has come to so far. */
export type TokenGauge = {
  /** Which model counted it: another one counts otherwise. */
  readonly model: string;
  /** Tokens of the whole prompt, what surrounds the conversation included. */
  readonly tokens: number;
  /** Characters of the window that it was counted for, and its entries. */
  readonly chars: number;
  readonly entries: number;
  /** Tokens of one more character; null until two prompts of the session were counted. */
  readonly perChar: number | null;
  /** The tokens are reckoned, for the window was made shorter since they were counted. */
  readonly isReckoned?: true;
};

/** So many characters more say something of how many tokens one makes. */
const LEAST_GROWTH = 500;
/** What one of so many characters is taken for where nothing was measured: the most that usual text comes to. */
const MOST_PER_CHAR = 0.5;
/** Tokens around each message: roles, names, ids of calls. */
const MOST_PER_ENTRY = 24;
/** What a character that went is taken for at the least: English words come to 0.23, and little that is usual to less than this. */
const LEAST_PER_CHAR = 0.15;
/** What a guess from characters alone may be wrong by. */
const MARGIN = 1.15;

/** The gauge after a call; an estimate of ours says nothing new. */
export const gaugeAfter = (
  gauge: TokenGauge | null,
  { chars, entries }: Pick<TokenGauge, "chars" | "entries">,
  { charge, provider, model }: Measured,
): TokenGauge | null => {
  const tokens = charge.usage.inputTokens;
  if (charge.isEstimate || tokens === 0) return gauge;
  const name = `${provider}/${model}`;
  const before = gauge?.model === name ? gauge : null;
  return { model: name, tokens, chars, entries, perChar: perCharAfter(before, { tokens, chars }) };
};

type Measured = Pick<HeaderOf<"model-call.completed">, "charge"> & {
  readonly provider: string;
  readonly model: string;
};

/** Of what came since the last prompt; the rest is counted already. */
const perCharAfter = (
  before: TokenGauge | null,
  { tokens, chars }: { readonly tokens: number; readonly chars: number },
): number | null => {
  if (before === null) return null;
  // What came and what went since then are other texts.
  if (before.isReckoned === true) return before.perChar;
  const growth = chars - before.chars;
  if (growth < LEAST_GROWTH || tokens <= before.tokens) return before.perChar;
  const found = Math.min(2, (tokens - before.tokens) / growth);
  return before.perChar === null ? found : (before.perChar + found) / 2;
};

/** How many tokens the next prompt is likely to have, by the counts of the provider so far. */
export const likelyTokens = ({ gauge, windowChars }: Window): number => {
  if (gauge === null) return estimateTokens(windowChars);
  const perChar = gauge.perChar ?? gauge.tokens / Math.max(gauge.chars, LEAST_GROWTH);
  return Math.max(1, Math.round(gauge.tokens + (windowChars - gauge.chars) * Math.min(perChar, 1)));
};

/**
 * How many tokens it has at the most: what was not counted yet is taken for dense text. Where another model is to be asked
 * than the one that counted, its count is taken with a margin.
 */
export const mostTokensOf = (state: Window, next: string | null = null): number => {
  const { gauge, windowChars, window } = state;
  if (gauge === null) return Math.ceil(windowChars * MOST_PER_CHAR) + window.length * MOST_PER_ENTRY;
  if (next !== null && next !== gauge.model)
    /* E6: what one model counted says little of another */ return Math.ceil(mostTokensOf(state) * MARGIN);
  const growth = windowChars - gauge.chars;
  const entries = Math.max(0, window.length - gauge.entries) * MOST_PER_ENTRY;
  return Math.ceil(gauge.tokens + growth * (growth < 0 ? LEAST_PER_CHAR : mostPerChar(gauge))) + entries;
};

const mostPerChar = ({ perChar }: TokenGauge): number =>
  Math.max(MOST_PER_CHAR, (perChar ?? MOST_PER_CHAR / 2) * MARGIN);

/**
 * The gauge of a window that was made shorter. What was counted and went is taken for little, for it may have been the thinnest
 * text of all; what was not counted yet goes as it was reckoned. From there on it grows by what comes.
 */
export const regauged = (before: Window, after: readonly Weighed[]): TokenGauge | null => {
  const { gauge, window } = before;
  if (gauge === null) return null;
  const left = new Map(after.map(({ at, chars }) => [at, chars]));
  let tokens = mostTokensOf(before);
  for (const [index, { at, chars }] of window.entries()) {
    const isCounted = index < gauge.entries;
    tokens -= (chars - (left.get(at) ?? 0)) * (isCounted ? LEAST_PER_CHAR : mostPerChar(gauge));
    left.delete(at);
  }
  // A summary takes the place of what went.
  for (const chars of left.values()) tokens += chars * MOST_PER_CHAR;
  return {
    ...gauge,
    tokens: Math.max(1, Math.ceil(tokens)),
    chars: after.reduce((sum, { chars }) => sum + chars, 0),
    entries: after.length,
    isReckoned: true,
  };
};

/** What of a session's state says how long its prompt is. */
type Window = {
  readonly gauge: TokenGauge | null;
  readonly windowChars: number;
  readonly window: readonly Weighed[];
};

type Weighed = { readonly at: Position; readonly chars: number };
