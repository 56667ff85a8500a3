import type { JsonObject, JsonSchema, JsonValue } from "../core/json.ts";
import type { RunSettings } from "../core/run-settings.ts";
import type { Model, ModelSettings } from "./model.ts";
import type { Tool } from "./tool.ts";
import type { SessionContext } from "./tool.ts";

/**
 * An agent as the engine runs it. Contract:
 *
 * A1  `digest` changes when anything in the definition that is data changes (S6).
 * A2  `instructions` is evaluated once a run and journaled; later attempts use what was journaled.
 * A3  `model` may load code on demand; it rejects with a ModelCallError that says what is missing.
 */
export interface Agent {
  readonly name: string;
  readonly version: string | null;
  readonly digest: string;
  readonly settings: RunSettings;
  readonly modelSettings: ModelSettings;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly output: OutputFormat | null;
  instructions(context: InstructionsContext): string | Promise<string>;
  /** The model at this place in `settings.candidates`. */
  model(candidate: number): Promise<Model>;
}

export type InstructionsContext = {
  readonly session: SessionContext;
  readonly runId: string;
  readonly now: Date;
};

/** The form of a structured answer. */
export type OutputFormat = {
  readonly name: string;
  readonly schema: JsonSchema;
  /** Checks an answer's text; never throws. */
  parse(text: string): Promise<OutputParse>;
};

export type OutputParse =
  | { readonly ok: true; readonly value: JsonValue }
  | { readonly ok: false; readonly issues: readonly string[] };

/** What an input signal carries: the message and what this send overrides. */
export type InputBody = {
  readonly content: JsonValue;
  readonly settings?: JsonObject;
};
