import type { JsonObject, JsonSchema, JsonValue } from "../core/json.ts";
import type { OnLimit } from "../core/budget-terms.ts";
import type { RunCaps } from "../core/budget-terms.ts";
import type { RunSettings } from "../core/run-settings.ts";
import type { DefinitionParts, OnUpgrade } from "../core/upgrade-terms.ts";
import type { WhenActive } from "../core/when-active.ts";
import type { ApprovalContext, ApprovalRequest } from "./approval.ts";
import type { Model, ModelSettings } from "./model.ts";
import type { RecallSettings } from "./recall.ts";
import type { Tool } from "./tool.ts";
import type { SessionContext } from "./session-context.ts";

/**
 * An agent as the engine runs it. Contract:
 *
 * A1  `digest` changes when anything in the definition that is data changes (S6).
 * A2  `instructions` is evaluated once a run and journaled; later attempts use what was journaled.
 * A3  `model` may load code on demand; it rejects with a ModelCallError that says what is missing.
 * A4  `approval` says what somebody has to be asked before a call with this input runs; null for nothing. It is
 *     asked again when the call is dispatched, so it answers the same for the same call (E4).
 */
export interface Agent {
  readonly name: string;
  readonly version: string | null;
  readonly digest: string;
  /** Digests of its parts, so that two definitions can be compared part by part (S6). */
  readonly parts: DefinitionParts;
  /** What becomes of its open runs in a process that has another definition (S6). */
  readonly onUpgrade: OnUpgrade;
  /** Older definitions of it that this process has too: their open runs go on with them (S6). */
  readonly older: readonly Agent[];
  readonly settings: RunSettings;
  readonly caps: AgentCaps;
  readonly modelSettings: ModelSettings;
  /** What becomes of an input that comes while a run is active, where its sender does not say (S4). */
  readonly whenActive: WhenActive;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly output: OutputFormat | null;
  /** What its runs are told of the memory when they begin; null for nothing. */
  readonly recall: RecallSettings | null;
  /** The same as data, where they are; null where they are a function. */
  readonly fixedInstructions: string | null;
  instructions(context: InstructionsContext): string | Promise<string>;
  /** Absent when neither the agent nor any of its tools ever asks. */
  approval?(
    call: { readonly tool: Tool; readonly input: unknown },
    context: ApprovalContext,
  ): Promise<ApprovalRequest | null>;
  /** The model at this place in `settings.candidates`. */
  model(candidate: number): Promise<Model>;
  /** Who sums up what leaves the window, as `settings.summary` names it; null where nobody is asked (E6). */
  readonly summariser: Summariser | null;
}

/** A model that sums up, and how it is asked. */
export type Summariser = { readonly settings: ModelSettings; model(): Promise<Model> };

/** What one run of the agent may cost, and what is done when it is about to cost more (E8). */
export type AgentCaps = RunCaps & {
  readonly onLimit: OnLimit;
  /** Whether a run with a limit in money may use a model whose price nobody knows. */
  readonly onUnknownPrice: "refuse" | "allow";
};

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
  /** Of the agent's limits, those that this send tightens. */
  readonly limits?: JsonObject;
};
