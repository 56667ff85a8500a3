import type { SessionState } from "../core/session-state.ts";
import { likelyTokens } from "../core/token-gauge.ts";

/** How long the next prompt of a session is. */
export type PromptWindow = {
  /** Inputs, answers and results in it, and the summary of what went before. */
  readonly entries: number;
  /** By the provider's last count, and what has come since; four characters a token where it has counted none. */
  readonly tokens: number;
  /** What the open run allows; null without one, or without such a limit. */
  readonly maxTokens: number | null;
};

export const windowOf = (state: SessionState): PromptWindow => ({
  entries: state.window.length,
  tokens: likelyTokens(state),
  maxTokens: state.run?.settings.maxPromptTokens ?? null,
});
