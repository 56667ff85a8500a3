import type { LanguageModelV2, LanguageModelV3, LanguageModelV4 } from "@ai-sdk/provider";

/** A language model of the AI SDK, of any specification still in use. */
export type LanguageModel = LanguageModelV2 | LanguageModelV3 | LanguageModelV4;

/** Whether `value` is a language model object, rather than a `"provider/model"` string or something else. */
export const isLanguageModel = (value: unknown): value is LanguageModel =>
  typeof value === "object" &&
  value !== null &&
  "specificationVersion" in value &&
  "doStream" in value &&
  "modelId" in value;
