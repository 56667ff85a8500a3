import type { CallId } from "./ids.ts";
import type { JsonObject, JsonValue } from "./json.ts";

/**
 * What models and people say to each other, as journaled.
 * Shapes follow the AI SDK's language model specification V4, so that an answer can be sent back
 * unchanged; `providerMetadata` (reasoning signatures, encrypted items, cache breakpoints) is opaque.
 */
export type ProviderMetadata = { readonly [provider: string]: JsonObject };

/** Bytes of a file: inline base64, a URL the provider fetches, or bytes stored beside the journal. */
export type FileData =
  | { readonly kind: "base64"; readonly base64: string }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "blob"; readonly digest: string; readonly bytes: number };

export type TextPart = {
  readonly type: "text";
  readonly text: string;
  readonly providerMetadata?: ProviderMetadata;
};

export type FilePart = {
  readonly type: "file";
  /** IANA media type; `image/*` where only the kind is known. */
  readonly mediaType: string;
  readonly data: FileData;
  readonly filename?: string;
  readonly providerMetadata?: ProviderMetadata;
};

export type ReasoningPart = {
  readonly type: "reasoning";
  readonly text: string;
  readonly providerMetadata?: ProviderMetadata;
};

export type ToolCallPart = {
  readonly type: "tool-call";
  /** Our id, filled in when a prompt is made; absent in what a model adapter returns. */
  readonly callId?: CallId;
  /** The provider's id; may be empty or repeated. */
  readonly providerCallId: string;
  readonly toolName: string;
  /** The arguments; the raw text where they were not JSON. */
  readonly input: JsonValue;
  /** True when the provider itself runs the tool: recorded, never dispatched. */
  readonly providerExecuted?: boolean;
  readonly providerMetadata?: ProviderMetadata;
};

/** A result the provider made itself, inside its answer. */
export type ProviderToolResultPart = {
  readonly type: "provider-tool-result";
  readonly providerCallId: string;
  readonly toolName: string;
  readonly result: JsonValue;
  readonly isError?: boolean;
  readonly providerMetadata?: ProviderMetadata;
};

export type SourcePart = { readonly type: "source"; readonly source: JsonObject };

/** Content of a kind this version does not interpret; sent back as it came. */
export type OpaquePart = { readonly type: "opaque"; readonly part: JsonObject };

export type UserPart = TextPart | FilePart;

export type AssistantPart =
  | TextPart
  | FilePart
  | ReasoningPart
  | ToolCallPart
  | ProviderToolResultPart
  | SourcePart
  | OpaquePart;

/** What a tool call gives back to the model. */
export type ToolOutput =
  | { readonly type: "text"; readonly value: string }
  | { readonly type: "json"; readonly value: JsonValue }
  | { readonly type: "content"; readonly value: readonly UserPart[] }
  | { readonly type: "error"; readonly value: string };

export type UserMessage = {
  readonly role: "user";
  readonly content: readonly UserPart[];
  readonly providerMetadata?: ProviderMetadata;
};

export type AssistantMessage = {
  readonly role: "assistant";
  readonly content: readonly AssistantPart[];
  /** `provider` of the model that said it: foreign reasoning is dropped on fallback. */
  readonly provider: string;
};

export type ToolResult = {
  /** Our id; adapters map it and the call's to whatever the provider needs, the same for both. */
  readonly callId: CallId;
  readonly toolName: string;
  readonly output: ToolOutput;
};

export type ToolMessage = { readonly role: "tool"; readonly results: readonly ToolResult[] };

export type Message = UserMessage | AssistantMessage | ToolMessage;

/** All text a message part list says, joined. */
export const textOf = (parts: readonly AssistantPart[]): string =>
  parts.map((part) => (part.type === "text" ? part.text : "")).join("");
