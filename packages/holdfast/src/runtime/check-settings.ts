import { checkOptions } from "../definitions/known-options.ts";
import type { ModelSettings } from "../ports/model.ts";

const SETTINGS = [
  "temperature",
  "topP",
  "topK",
  "presencePenalty",
  "frequencyPenalty",
  "seed",
  "stopSequences",
  "maxOutputTokens",
  "toolChoice",
  "reasoning",
  "headers",
  "providerOptions",
  "systemProviderOptions",
];

/** Refuses settings that do not exist; used for agents, for their summaries, and for single sends. */
export const checkSettings = (settings: ModelSettings, owner: string): void =>
  checkOptions(settings, { owner: `${owner}: settings`, known: SETTINGS, later: [] });
