import type {
  JSONSchema7,
  LanguageModelV4CallOptions,
  LanguageModelV4FunctionTool,
  LanguageModelV4ToolChoice,
} from "@ai-sdk/provider";
import type { JsonSchema } from "../../core/json.ts";
import type { ProviderMetadata } from "../../core/message.ts";
import type { ModelRequest, ModelSettings, ToolChoice } from "../../ports/model.ts";
import { withOptions } from "./provider-metadata.ts";
import { toPrompt } from "./to-prompt.ts";

const toSchema = (schema: JsonSchema): JSONSchema7 => schema as JSONSchema7;

const toToolChoice = (choice: ToolChoice): LanguageModelV4ToolChoice =>
  typeof choice === "string" ? { type: choice } : { type: "tool", toolName: choice.tool };

const toTools = ({ tools, settings }: ModelRequest): Partial<LanguageModelV4CallOptions> => {
  if (tools.length === 0) return {};
  return {
    tools: tools.map((tool): LanguageModelV4FunctionTool => ({
      type: "function",
      name: tool.name,
      description: tool.description,
      inputSchema: toSchema(tool.inputSchema),
    })),
    ...(settings.toolChoice === undefined ? {} : { toolChoice: toToolChoice(settings.toolChoice) }),
  };
};

const PASSED_ON = [
  "temperature",
  "topP",
  "topK",
  "presencePenalty",
  "frequencyPenalty",
  "seed",
  "maxOutputTokens",
  "reasoning",
] as const satisfies readonly (keyof ModelSettings & keyof LanguageModelV4CallOptions)[];

/** Options by which a caller has decided where OpenAI keeps a conversation. */
const DECIDES_STORE = ["store", "previousResponseId", "conversation"] as const;

/**
 * OpenAI's Responses keep answers for 30 days and expect references to them. A session may sleep
 * longer than that and its journal is the only truth (M5), so they are asked to keep nothing and to
 * hand out their reasoning encrypted, unless the caller decided otherwise.
 */
const withoutStore = (
  provider: string,
  given: ProviderMetadata | undefined,
): ProviderMetadata | undefined => {
  if (!/^(openai|azure)\b.*\.responses$/.test(provider)) return given;
  const key = provider.startsWith("azure") ? "azure" : "openai";
  const own = given?.[key] ?? {};
  return DECIDES_STORE.some((name) => own[name] !== undefined)
    ? given
    : { ...given, [key]: { ...own, store: false } };
};

const toSettings = (settings: ModelSettings, provider: string): Partial<LanguageModelV4CallOptions> => ({
  ...Object.fromEntries(
    PASSED_ON.filter((name) => settings[name] !== undefined).map((name) => [name, settings[name]]),
  ),
  ...(settings.stopSequences === undefined ? {} : { stopSequences: [...settings.stopSequences] }),
  ...(settings.headers === undefined ? {} : { headers: { ...settings.headers } }),
  ...withOptions(withoutStore(provider, settings.providerOptions)),
});

/** A request as the AI SDK's options of one call. */
export const toCallOptions = async (
  request: ModelRequest,
  provider: string,
): Promise<LanguageModelV4CallOptions> => ({
  prompt: await toPrompt(request, provider),
  ...toSettings(request.settings, provider),
  ...toTools(request),
  ...(request.output === null
    ? {}
    : {
        responseFormat: {
          type: "json",
          schema: toSchema(request.output.schema),
          name: request.output.name,
        },
      }),
  abortSignal: request.signal,
  // Each raw chunk is a sign of life, also where the provider's package makes nothing of it.
  includeRawChunks: true,
});
