import type { LanguageModelV4Message, LanguageModelV4Prompt } from "@ai-sdk/provider";
import type { UserMessage } from "../../core/message.ts";
import type { ModelRequest } from "../../ports/model.ts";
import { withOptions } from "./provider-metadata.ts";
import { toAssistantMessage } from "./to-assistant-message.ts";
import { toFilePart } from "./to-file-part.ts";
import { toToolMessage, type ToolMessageContext } from "./to-tool-message.ts";
import { WireCallIds } from "./wire-call-ids.ts";

type UserContent = Extract<LanguageModelV4Message, { role: "user" }>["content"];

const toUserMessage = async (
  message: UserMessage,
  readBlob: ModelRequest["readBlob"],
): Promise<LanguageModelV4Message | undefined> => {
  const content: UserContent = [];
  for (const part of message.content) {
    // Providers refuse empty text, and refuse the transcript ever after.
    if (part.type === "file") content.push(await toFilePart(part, readBlob));
    else if (part.text !== "") {
      content.push({ type: "text", text: part.text, ...withOptions(part.providerMetadata) });
    }
  }
  if (content.length === 0) return undefined;
  return { role: "user", content, ...withOptions(message.providerMetadata) };
};

const MAX_NAME_CHARS = 64;

/**
 * Names of tools as the provider is told them. A model can ask for a tool that does not exist under a
 * name that no provider takes back; the call stays in the transcript, so its name is made fit (E3).
 */
const fitToolNames = (request: ModelRequest): ((name: string) => string) => {
  const declared = new Set(request.tools.map((tool) => tool.name));
  return (name) => {
    if (declared.has(name)) return name;
    const fit = name.replaceAll(/[^a-zA-Z0-9_-]/g, "_").slice(0, MAX_NAME_CHARS);
    return fit === "" ? "unnamed_tool" : fit;
  };
};

const toSystem = ({ system, settings }: ModelRequest): LanguageModelV4Prompt =>
  system === null || system === ""
    ? []
    : [{ role: "system", content: system, ...withOptions(settings.systemProviderOptions) }];

/** The conversation as the AI SDK writes it, for the provider that is about to read it. */
export const toPrompt = async (request: ModelRequest, provider: string): Promise<LanguageModelV4Prompt> => {
  const context: ToolMessageContext = {
    ids: new WireCallIds(),
    readBlob: request.readBlob,
    toolNameOf: fitToolNames(request),
  };
  const prompt = toSystem(request);
  for (const message of request.messages) {
    const sent =
      message.role === "user"
        ? await toUserMessage(message, request.readBlob)
        : message.role === "tool"
          ? await toToolMessage(message, context)
          : await toAssistantMessage(message, provider, context);
    if (sent !== undefined) prompt.push(sent);
  }
  return prompt;
};
