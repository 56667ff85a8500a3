import type { LanguageModel } from "../models/index.ts";
import type { Model } from "../ports/model.ts";

/** `"provider/model"`, a model of any AI SDK provider, or a model of our own port. */
export type ModelChoice = string | LanguageModel | Model;
