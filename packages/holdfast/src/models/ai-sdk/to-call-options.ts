import type {
  JSONSchema7,
  LanguageModelV4CallOptions,
  LanguageModelV4FunctionTool,
  LanguageModelV4ToolChoice,
} from "@ai-sdk/provider";
import type { JsonSchema } from "../../core/json.ts";
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

const toSettings = (settings: ModelSettings): Partial<LanguageModelV4CallOptions> => ({
  ...Object.fromEntries(
    PASSED_ON.filter((name) => settings[name] !== undefined).map((name) => [name, settings[name]]),
  ),
  ...(settings.stopSequences === undefined ? {} : { stopSequences: [...settings.stopSequences] }),
  ...(settings.headers === undefined ? {} : { headers: { ...settings.headers } }),
  ...withOptions(settings.providerOptions),
});

/** A request as the AI SDK's options of one call. */
export const toCallOptions = async (
  request: ModelRequest,
  provider: string,
): Promise<LanguageModelV4CallOptions> => ({
  prompt: await toPrompt(request, provider),
  ...toSettings(request.settings),
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
