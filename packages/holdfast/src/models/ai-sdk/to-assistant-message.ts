import type { LanguageModelV4Message, LanguageModelV4ToolResultOutput } from "@ai-sdk/provider";
import { assertNever } from "../../core/errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import type {
  AssistantMessage,
  AssistantPart,
  ProviderToolResultPart,
  ToolCallPart,
} from "../../core/message.ts";
import { toProviderMetadata, withOptions } from "./provider-metadata.ts";
import { toFilePart } from "./to-file-part.ts";
import type { ToolMessageContext } from "./to-tool-message.ts";

type AssistantContent = Extract<LanguageModelV4Message, { role: "assistant" }>["content"];
type AssistantPartV4 = AssistantContent[number];

/**
 * Arguments as an object, which providers insist on. What was not JSON goes back under the name that
 * Anthropic's documentation gives it, so that the model sees what it wrote and the transcript stays valid (E3).
 */
const toInput = (input: JsonValue): JsonObject => (isJsonObject(input) ? input : { INVALID_JSON: input });

const toProviderOutput = ({ result, isError }: ProviderToolResultPart): LanguageModelV4ToolResultOutput => {
  if (typeof result === "string") return { type: isError === true ? "error-text" : "text", value: result };
  return { type: isError === true ? "error-json" : "json", value: result };
};

const isKind = (kind: unknown): kind is `${string}.${string}` =>
  typeof kind === "string" && kind.includes(".");

/** Content we did not interpret; undefined for what no prompt can hold, such as an approval request. */
const fromOpaque = (part: JsonObject): AssistantPartV4 | undefined => {
  const metadata = isJsonObject(part["providerMetadata"])
    ? toProviderMetadata(part["providerMetadata"] as Record<string, JsonObject>)
    : undefined;
  const { type, kind, mediaType, data } = part;
  if (type === "custom" && isKind(kind)) return { type, kind, ...withOptions(metadata) };
  if (type !== "reasoning-file" || typeof mediaType !== "string" || !isJsonObject(data)) return undefined;
  if (typeof data["data"] === "string") {
    return { type, mediaType, data: { type: "data", data: data["data"] }, ...withOptions(metadata) };
  }
  const url = typeof data["url"] === "string" ? URL.parse(data["url"]) : null;
  return url === null ? undefined : { type, mediaType, data: { type: "url", url }, ...withOptions(metadata) };
};

type PartContext = ToolMessageContext & { readonly isOwn: boolean };

const toToolCall = (part: ToolCallPart, context: PartContext): AssistantPartV4 => ({
  type: "tool-call",
  toolCallId: context.ids.nameCall(part, context.isOwn),
  toolName: part.providerExecuted === true ? part.toolName : context.toolNameOf(part.toolName),
  input: part.providerExecuted === true ? part.input : toInput(part.input),
  ...(part.providerExecuted === true ? { providerExecuted: true } : {}),
  ...withOptions(context.isOwn ? part.providerMetadata : undefined),
});

/** Whether another provider can make sense of a part: what people and local tools could have said. */
const isPortable = (part: AssistantPart): boolean =>
  part.type === "text" ||
  part.type === "file" ||
  (part.type === "tool-call" && part.providerExecuted !== true);

const toPart = async (part: AssistantPart, context: PartContext): Promise<AssistantPartV4 | undefined> => {
  const options = withOptions(
    context.isOwn && "providerMetadata" in part ? part.providerMetadata : undefined,
  );
  switch (part.type) {
    case "text":
      return part.text === "" ? undefined : { type: "text", text: part.text, ...options };
    case "reasoning":
      return { type: "reasoning", text: part.text, ...options };
    case "file":
      return { ...(await toFilePart(part, context.readBlob)), ...options };
    case "tool-call":
      return toToolCall(part, context);
    case "provider-tool-result":
      return {
        type: "tool-result",
        toolCallId: part.providerCallId,
        toolName: part.toolName,
        output: toProviderOutput(part),
        ...options,
      };
    case "source":
      return undefined;
    case "opaque":
      return fromOpaque(part.part);
    default:
      return assertNever(part);
  }
};

/**
 * An answer as it is sent back: unchanged to the provider that gave it (M5), and to another one only
 * what it can understand. Undefined when nothing is left to send.
 */
export const toAssistantMessage = async (
  message: AssistantMessage,
  provider: string,
  context: ToolMessageContext,
): Promise<LanguageModelV4Message | undefined> => {
  const isOwn = message.provider === provider;
  const content: AssistantContent = [];
  for (const part of message.content) {
    if (!isOwn && !isPortable(part)) continue;
    const sent = await toPart(part, { ...context, isOwn });
    if (sent !== undefined) content.push(sent);
  }
  return content.length === 0 ? undefined : { role: "assistant", content };
};
