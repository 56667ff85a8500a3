export { fromLanguageModel } from "./ai-sdk/from-language-model.ts";
export { isLanguageModel, type LanguageModel } from "./ai-sdk/language-model.ts";
export type {
  Script,
  ScriptedFailure,
  ScriptedStep,
  ScriptedToolCall,
  ScriptedTurn,
} from "./scripted/script.ts";
export { scriptedModel, type ScriptedModelOptions } from "./scripted/scripted-model.ts";
