import type { ModelChoice } from "holdfast";
import { createStandIn } from "./scripted/model.ts";

export type ChosenModel = {
  readonly model: ModelChoice;
  /** For the screen. */
  readonly label: string;
  readonly isScripted: boolean;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** A model for each key, used when no other is named. */
const BY_KEY: readonly (readonly [key: string, model: string])[] = [
  ["ANTHROPIC_API_KEY", "anthropic/claude-sonnet-4-5"],
  ["OPENAI_API_KEY", "openai/gpt-5-mini"],
  ["GOOGLE_GENERATIVE_AI_API_KEY", "google/gemini-2.5-flash"],
];

const isSet = (value: string | undefined): value is string => value !== undefined && value !== "";

/** The model to use: the one named, else the one there is a key for, else the scripted one. Null when a name is missing. */
export const chooseModel = (environment: Environment): ChosenModel | null => {
  const named = environment["HOLDFAST_MODEL"];
  if (named === "scripted") return scripted("asked for by HOLDFAST_MODEL");
  if (isSet(named)) return { model: named, label: `${named} (named by HOLDFAST_MODEL)`, isScripted: false };
  if (isSet(environment["OPENAI_COMPATIBLE_BASE_URL"])) return null;
  for (const [key, model] of BY_KEY) {
    if (isSet(environment[key])) return { model, label: `${model} (${key} is set)`, isScripted: false };
  }
  return scripted("no API key set");
};

const scripted = (why: string): ChosenModel => ({
  model: createStandIn(),
  label: `${why}: using the scripted model, which computes its next step from the real tool results`,
  isScripted: true,
});
