import type { ModelChoice } from "holdfast";
import { createStandIn } from "./scripted/model.ts";

export type ChosenModel = {
  readonly kind: "chosen";
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

/** The model to use: the one named, else the one there is a key for, else the scripted one. */
export const chooseModel = (
  environment: Environment,
): ChosenModel | { readonly kind: "missing"; readonly message: string } => {
  const named = environment["HOLDFAST_MODEL"];
  if (named === "scripted") return scripted("HOLDFAST_MODEL=scripted");
  if (isSet(named)) return real(named, "named by HOLDFAST_MODEL");
  if (isSet(environment["OPENAI_COMPATIBLE_BASE_URL"])) {
    const message = "OPENAI_COMPATIBLE_BASE_URL is set, but not which model to ask there.";
    return { kind: "missing", message: `${message} Set HOLDFAST_MODEL=openai-compatible/<model>.` };
  }
  const found = BY_KEY.find(([key]) => isSet(environment[key]));
  return found === undefined ? scripted("no API key set") : real(found[1], `${found[0]} is set`);
};

const real = (model: string, why: string): ChosenModel => ({
  kind: "chosen",
  model,
  label: `${model} (${why})`,
  isScripted: false,
});

const scripted = (why: string): ChosenModel => ({
  kind: "chosen",
  model: createStandIn(),
  label: `${why}: using the scripted model, which computes its next step from the real tool results`,
  isScripted: true,
});
