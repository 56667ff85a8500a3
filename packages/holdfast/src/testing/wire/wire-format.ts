import type { JsonObject, JsonValue } from "../../core/json.ts";
import type { Usage } from "../../core/usage.ts";
import { inPieces } from "./wire-json.ts";
import type { RefusalReason, WireStep, WireToolCall, WireToolResult } from "./wire-script.ts";

/** An HTTP error as a provider answers it. */
export type Refusal = { readonly status: number; readonly body: JsonObject };

/** One event of a stream, as the bytes that are sent. */
export type Frame = { readonly text: string; readonly isArguments?: boolean };

/** What the server said before and wants to see again, unchanged. */
export type Issued = {
  /** Opaque values handed out (signatures, encrypted content), and what they belong to. */
  readonly seals: Map<string, string>;
  /** Items by id, with the id of the reasoning item that must come before them. */
  readonly items: Map<string, { readonly reasoningId: string | undefined; readonly isStored: boolean }>;
};

export type AnswerContext = {
  /** Number of the accepted request, always as long, so that equal answers have equal length; ids are made of it. */
  readonly serial: string;
  readonly model: string;
  readonly body: JsonObject;
  readonly issued: Issued;
};

/** One provider's way of talking over HTTP. */
export type WireFormat = {
  /** Whether a request to this path is in this format. */
  matches(path: string): boolean;
  modelOf(path: string, body: JsonObject): string;
  keyOf(headers: Readonly<Record<string, string>>): string;
  /** The refusal that the real service gives to this body; undefined when it would accept it. */
  check(body: JsonObject, issued: Issued): Refusal | undefined;
  lastUserText(body: JsonObject): string;
  toolResults(body: JsonObject): readonly WireToolResult[];
  tools(body: JsonObject): readonly string[];
  answer(step: WireStep, context: AnswerContext): readonly Frame[];
  refusal(reason: RefusalReason, message?: string): Refusal;
  /** An error reported inside a stream. */
  errorFrame(reason: RefusalReason): Frame;
};

/** An event without a name. */
export const frame = (data: JsonValue, isArguments = false): Frame => ({
  text: `data: ${JSON.stringify(data)}\n\n`,
  ...(isArguments ? { isArguments } : {}),
});

/** An event named after its `type`, as Anthropic and OpenAI's Responses write them. */
export const typedFrame = (data: JsonObject & { readonly type: string }, isArguments = false): Frame => ({
  text: `event: ${data.type}\n${frame(data).text}`,
  ...(isArguments ? { isArguments } : {}),
});

const DEFAULT_USAGE: Usage = {
  inputTokens: 20,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 10,
  reasoningTokens: 0,
};

/** The counts an answer reports; null for none. */
export const usageOf = ({ usage }: WireStep): Usage | null =>
  usage === null ? null : { ...DEFAULT_USAGE, ...usage };

export const callsOf = (step: WireStep): readonly WireToolCall[] => step.toolCalls ?? [];

/** The arguments as they are sent; a string is sent as it is. */
export const argumentsOf = ({ input = {} }: WireToolCall): string =>
  typeof input === "string" ? input : JSON.stringify(input);

export const piecesOf = (text: string | undefined, step: WireStep): readonly string[] =>
  inPieces(text ?? "", step.deltas ?? 2);

/** Whether the answer ends by asking for tools. */
export const finishOf = (step: WireStep): NonNullable<WireStep["finish"]> =>
  step.finish ?? (callsOf(step).length > 0 ? "tool-calls" : "stop");
