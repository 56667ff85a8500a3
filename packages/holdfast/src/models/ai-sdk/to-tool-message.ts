import type {
  LanguageModelV4Message,
  LanguageModelV4ToolResultOutput,
  LanguageModelV4ToolResultPart,
} from "@ai-sdk/provider";
import { ModelCallError } from "../../core/errors.ts";
import type { ToolMessage, ToolOutput, UserPart } from "../../core/message.ts";
import type { ModelRequest } from "../../ports/model.ts";
import { withOptions } from "./provider-metadata.ts";
import { toFilePart } from "./to-file-part.ts";
import type { WireCallIds } from "./wire-call-ids.ts";

type ReadBlob = ModelRequest["readBlob"];
type ContentValue = Extract<LanguageModelV4ToolResultOutput, { type: "content" }>["value"];

const toContent = async (parts: readonly UserPart[], readBlob: ReadBlob): Promise<ContentValue> =>
  await Promise.all(
    parts
      .filter((part) => part.type !== "text" || part.text !== "")
      .map(async (part) =>
        part.type === "file"
          ? await toFilePart(part, readBlob)
          : { type: "text" as const, text: part.text, ...withOptions(part.providerMetadata) },
      ),
  );

const toOutput = async (output: ToolOutput, readBlob: ReadBlob): Promise<LanguageModelV4ToolResultOutput> => {
  switch (output.type) {
    case "text":
      return { type: "text", value: output.value };
    case "json":
      return { type: "json", value: output.value };
    case "error":
      return { type: "error-text", value: output.value };
    case "content": {
      const value = await toContent(output.value, readBlob);
      return value.length === 0 ? { type: "text", value: "" } : { type: "content", value };
    }
  }
};

/** What a prompt needs to name calls and read files. */
export type ToolMessageContext = {
  readonly ids: WireCallIds;
  readonly readBlob: ReadBlob;
  readonly toolNameOf: (name: string) => string;
};

/**
 * @throws ModelCallError MODEL_REQUEST_REJECTED for a result without its call: every provider refuses
 * the transcript, some of them for ever after (E3).
 */
export const toToolMessage = async (
  message: ToolMessage,
  context: ToolMessageContext,
): Promise<LanguageModelV4Message> => ({
  role: "tool",
  content: await Promise.all(
    message.results.map(async (result): Promise<LanguageModelV4ToolResultPart> => {
      const toolCallId = context.ids.findCall(result.callId);
      if (toolCallId === undefined) {
        throw new ModelCallError(
          "MODEL_REQUEST_REJECTED",
          `The transcript has a result for the call ${result.callId}, but not the call.`,
        );
      }
      const output = await toOutput(result.output, context.readBlob);
      return { type: "tool-result", toolCallId, toolName: context.toolNameOf(result.toolName), output };
    }),
  ),
});
