import type {
  LanguageModelV2CallOptions,
  LanguageModelV2Prompt,
  LanguageModelV2ToolResultOutput,
  LanguageModelV3CallOptions,
  LanguageModelV3Prompt,
  LanguageModelV3ToolResultOutput,
  LanguageModelV4CallOptions,
  LanguageModelV4FilePart,
  LanguageModelV4Message,
  LanguageModelV4ToolResultOutput,
} from "@ai-sdk/provider";

type FileData = LanguageModelV4FilePart["data"];
type ContentV4 = Extract<LanguageModelV4ToolResultOutput, { type: "content" }>["value"][number];
type ContentV3 = Extract<LanguageModelV3ToolResultOutput, { type: "content" }>["value"][number];
type AssistantV4 = Extract<LanguageModelV4Message, { role: "assistant" }>["content"][number];

const toBase64 = (data: Uint8Array | string): string =>
  typeof data === "string" ? data : Buffer.from(data).toString("base64");

/** Our prompts hold bytes and URLs only; the other kinds of file data have no older shape. */
const toDataContent = (data: FileData): Uint8Array | string | URL => {
  if (data.type === "data") return data.data;
  if (data.type === "url") return data.url;
  return data.type === "text" ? Buffer.from(data.text) : "";
};

const toFile = <Part extends LanguageModelV4FilePart>(part: Part) => ({
  ...part,
  data: toDataContent(part.data),
});

const toContentV3 = (part: ContentV4): ContentV3 => {
  if (part.type !== "file") return part;
  const { data, mediaType } = part;
  const isImage = mediaType.startsWith("image/");
  if (data.type === "url") return { type: isImage ? "image-url" : "file-url", url: data.url.href };
  const base64 = data.type === "data" ? toBase64(data.data) : "";
  return { type: isImage ? "image-data" : "file-data", data: base64, mediaType };
};

const toOutputV3 = (output: LanguageModelV4ToolResultOutput): LanguageModelV3ToolResultOutput =>
  output.type === "content" ? { type: "content", value: output.value.map(toContentV3) } : output;

const toOutputV2 = (output: LanguageModelV4ToolResultOutput): LanguageModelV2ToolResultOutput => {
  if (output.type === "execution-denied") return { type: "error-text", value: output.reason ?? "Denied." };
  if (output.type !== "content") return output;
  return {
    type: "content",
    value: output.value.map((part) => {
      if (part.type === "text") return { type: "text", text: part.text };
      if (part.type === "file" && part.data.type === "data") {
        return { type: "media", data: toBase64(part.data.data), mediaType: part.mediaType };
      }
      const url = part.type === "file" && part.data.type === "url" ? part.data.url.href : "";
      return { type: "text", text: url };
    }),
  };
};

/** Parts that only V4 has; an older model never said them. */
const isOldPart = (
  part: AssistantV4,
): part is Exclude<AssistantV4, { type: "custom" } | { type: "reasoning-file" }> =>
  part.type !== "custom" && part.type !== "reasoning-file";

/** A message in the shape that V2 and V3 share, but for what a tool's output may be. */
const toOldMessage = <Output>(
  message: LanguageModelV4Message,
  toOutput: (output: LanguageModelV4ToolResultOutput) => Output,
) => {
  switch (message.role) {
    case "system":
      return message;
    case "user":
      return {
        ...message,
        content: message.content.map((part) => (part.type === "file" ? toFile(part) : part)),
      };
    case "assistant":
      return {
        ...message,
        content: message.content.filter(isOldPart).map((part) => {
          if (part.type === "file") return toFile(part);
          return part.type === "tool-result" ? { ...part, output: toOutput(part.output) } : part;
        }),
      };
    case "tool":
      return {
        ...message,
        content: message.content
          .filter((part) => part.type === "tool-result")
          .map((part) => ({ ...part, output: toOutput(part.output) })),
      };
  }
};

/** The same call for a model of specification V3. */
export const toOptionsV3 = (options: LanguageModelV4CallOptions): LanguageModelV3CallOptions => {
  const { prompt, reasoning: _, ...rest } = options;
  return {
    ...rest,
    prompt: prompt.map((message): LanguageModelV3Prompt[number] => toOldMessage(message, toOutputV3)),
  };
};

/** The same call for a model of specification V2. */
export const toOptionsV2 = (options: LanguageModelV4CallOptions): LanguageModelV2CallOptions => {
  const { prompt, reasoning: _, tools, ...rest } = options;
  const functions = tools?.filter((tool) => tool.type === "function");
  return {
    ...rest,
    // V2 types its JSON without `undefined`; ours never holds any.
    prompt: prompt.map((message) => toOldMessage(message, toOutputV2) as LanguageModelV2Prompt[number]),
    ...(functions === undefined ? {} : { tools: functions }),
  } as LanguageModelV2CallOptions;
};
