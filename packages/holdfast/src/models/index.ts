export { fromLanguageModel } from "./ai-sdk/from-language-model.ts";
export { isLanguageModel, type LanguageModel } from "./ai-sdk/language-model.ts";
export { loadModel } from "./load-model.ts";
export { createPriceList, type ModelLimits } from "./prices/create-price-list.ts";
export type { ModelPrice } from "./prices/own-price.ts";
export type {
  Script,
  ScriptedFailure,
  ScriptedStep,
  ScriptedToolCall,
  ScriptedTurn,
} from "./scripted/script.ts";
export { scriptedModel, type ScriptedModelOptions } from "./scripted/scripted-model.ts";
export { installCommand, KNOWN_PROVIDERS, packageOf } from "./known-providers.ts";
