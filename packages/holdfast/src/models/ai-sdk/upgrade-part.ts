import type {
  LanguageModelV2CallWarning,
  LanguageModelV2FinishReason,
  LanguageModelV2StreamPart,
  LanguageModelV2Usage,
  LanguageModelV3StreamPart,
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
  SharedV4Warning,
} from "@ai-sdk/provider";
import { toJson } from "./to-json.ts";

/** Bytes, or a URL where a provider answers with one. */
const toFileData = (data: string | Uint8Array) =>
  typeof data === "string" && /^https?:\/\//.test(data)
    ? { type: "url" as const, url: new URL(data) }
    : { type: "data" as const, data };

/** A stream part of specification V3 as V4 says it. */
export const upgradeV3 = (part: LanguageModelV3StreamPart): LanguageModelV4StreamPart =>
  part.type === "file" ? { ...part, data: toFileData(part.data) } : part;

/** V2 has no member for the provider's own reason: one is there unless the model never heard of an end. */
const upgradeFinish = (reason: LanguageModelV2FinishReason): LanguageModelV4FinishReason => {
  if (reason === "unknown") return { unified: "interrupted", raw: undefined };
  if (reason === "error") return { unified: "error", raw: undefined };
  return { unified: reason, raw: reason };
};

/** Providers whose V2 packages report input tokens without the cached ones. */
const EXCLUDES_CACHED = /anthropic|bedrock/i;

const upgradeUsage = (usage: LanguageModelV2Usage, provider: string): LanguageModelV4Usage => {
  const cached = usage.cachedInputTokens ?? undefined;
  const input = usage.inputTokens ?? undefined;
  const isApart = EXCLUDES_CACHED.test(provider) || (cached ?? 0) > (input ?? 0);
  return {
    inputTokens: {
      total: input === undefined ? undefined : input + (isApart ? (cached ?? 0) : 0),
      noCache: undefined,
      cacheRead: cached,
      cacheWrite: undefined,
    },
    outputTokens: {
      total: usage.outputTokens ?? undefined,
      text: undefined,
      reasoning: usage.reasoningTokens ?? undefined,
    },
  };
};

const upgradeWarning = (warning: LanguageModelV2CallWarning): SharedV4Warning => {
  if (warning.type === "other") return warning;
  const feature =
    warning.type === "unsupported-setting" ? String(warning.setting) : `tool ${warning.tool.name}`;
  return {
    type: "unsupported",
    feature,
    ...(warning.details === undefined ? {} : { details: warning.details }),
  };
};

/** A stream part of specification V2 as V4 says it. */
export const upgradeV2 = (part: LanguageModelV2StreamPart, provider: string): LanguageModelV4StreamPart => {
  switch (part.type) {
    case "file":
      return { ...part, data: toFileData(part.data) };
    case "finish":
      return {
        ...part,
        finishReason: upgradeFinish(part.finishReason),
        usage: upgradeUsage(part.usage, provider),
      };
    case "stream-start":
      return { ...part, warnings: part.warnings.map(upgradeWarning) };
    case "tool-result":
      return { ...part, result: toJson(part.result) ?? "" };
    default:
      return part;
  }
};
