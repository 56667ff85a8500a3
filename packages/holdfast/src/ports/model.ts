import type { FinishReason } from "../core/event.ts";
import type { JsonObject, JsonSchema } from "../core/json.ts";
import type { AssistantPart, Message, ProviderMetadata } from "../core/message.ts";
import type { Usage } from "../core/usage.ts";

/**
 * A language model. Contract:
 *
 * M1  `call` streams: `onDelta` is called in order for each piece as it arrives, never after `call` has settled.
 * M2  It resolves only for an answer that the provider declared finished; a cut stream rejects with
 *     MODEL_STREAM_CUT, whatever had arrived (E9).
 * M3  It rejects with a ModelCallError: code, retryability and Retry-After read from the provider's answer.
 * M4  It does not retry by itself (E7) and has no timeout of its own (E6): it obeys `signal`.
 * M5  Parts of an answer come back unchanged when sent again to the same provider.
 */
export interface Model {
  readonly provider: string;
  readonly modelId: string;
  call(request: ModelRequest): Promise<ModelAnswer>;
}

export type ModelRequest = {
  /** The one system message, or null. */
  readonly system: string | null;
  readonly messages: readonly Message[];
  readonly tools: readonly ToolDeclaration[];
  readonly settings: ModelSettings;
  /** Asks for JSON of this schema. */
  readonly output: { readonly schema: JsonSchema; readonly name: string } | null;
  /** Reads bytes stored beside the journal. */
  readonly readBlob: (digest: string) => Promise<Uint8Array>;
  readonly signal: AbortSignal;
  readonly onDelta: (delta: ModelDelta) => void;
};

export type ToolDeclaration = {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: JsonSchema;
};

export type ReasoningEffort =
  | "provider-default"
  | "none"
  | "minimal"
  | "low"
  | "medium"
  | "high"
  | "xhigh"
  | "max";

export type ToolChoice = "auto" | "none" | "required" | { readonly tool: string };

/** Settings of a model call; every one optional, per agent and per send. */
export type ModelSettings = {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  readonly seed?: number;
  readonly stopSequences?: readonly string[];
  readonly maxOutputTokens?: number;
  readonly toolChoice?: ToolChoice;
  readonly reasoning?: ReasoningEffort;
  readonly headers?: Readonly<Record<string, string>>;
  readonly providerOptions?: ProviderMetadata;
  /** Provider options of the system message, such as a cache breakpoint. */
  readonly systemProviderOptions?: ProviderMetadata;
};

export type ModelDelta =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "reasoning"; readonly text: string }
  | { readonly type: "tool-input"; readonly toolName: string; readonly text: string }
  /** A sign of life without content; it restarts the gap timeout. */
  | { readonly type: "ping" };

export type ModelAnswer = {
  readonly content: readonly AssistantPart[];
  readonly finish: FinishReason;
  /** As reported; null when the provider reported none. */
  readonly usage: Usage | null;
  /** Response id, model version, request id, warnings: for the journal, not for control. */
  readonly metadata: JsonObject;
};

/** Finds what a call costs. */
export interface PriceList {
  /** US dollars, or null when the model or its price is not known. */
  costUsd(provider: string, modelId: string, usage: Usage): number | null;
}
