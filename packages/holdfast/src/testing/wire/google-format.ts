import type { JsonObject, JsonValue } from "../../core/json.ts";
import type { Usage } from "../../core/usage.ts";
import { checkGoogle } from "./google-checks.ts";
import {
  callsOf,
  finishOf,
  frame,
  piecesOf,
  usageOf,
  type AnswerContext,
  type Frame,
  type Refusal,
  type WireFormat,
} from "./wire-format.ts";
import { asJoinedText, asObject, asObjects, asText } from "./wire-json.ts";
import type { RefusalReason, WireStep, WireToolCall } from "./wire-script.ts";

type Words = readonly [code: number, status: string, message: string, details?: readonly JsonObject[]];

const WORDS: Readonly<Record<RefusalReason, Words>> = {
  "bad-key": [
    400,
    "INVALID_ARGUMENT",
    "API key not valid. Please pass a valid API key.",
    [
      {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        reason: "API_KEY_INVALID",
        domain: "googleapis.com",
      },
    ],
  ],
  "unknown-model": [
    404,
    "NOT_FOUND",
    "models/nothing is not found for API version v1beta, or is not supported for generateContent.",
  ],
  "rate-limit": [
    429,
    "RESOURCE_EXHAUSTED",
    "Resource has been exhausted (e.g. check quota).",
    [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "17s" }],
  ],
  quota: [
    429,
    "RESOURCE_EXHAUSTED",
    "You exceeded your current quota, please check your plan and billing details.",
  ],
  "context-overflow": [
    400,
    "INVALID_ARGUMENT",
    "The input token count (1293741) exceeds the maximum number of tokens allowed (1048576).",
  ],
  "content-policy": [400, "INVALID_ARGUMENT", "The request was blocked."],
  "bad-request": [400, "INVALID_ARGUMENT", "Request contains an invalid argument."],
  "server-error": [
    500,
    "INTERNAL",
    "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting",
  ],
  unavailable: [503, "UNAVAILABLE", "The service is currently unavailable."],
  overloaded: [503, "UNAVAILABLE", "The model is overloaded. Please try again later."],
};

const refusal = (reason: RefusalReason, message?: string): Refusal => {
  const [code, status, words, details] = WORDS[reason];
  const error = { code, message: message ?? words, status, ...(details === undefined ? {} : { details }) };
  return { status: code, body: { error } };
};

const FINISH: Readonly<Record<NonNullable<WireStep["finish"]>, string>> = {
  stop: "STOP",
  // Gemini has no reason of its own for this.
  "tool-calls": "STOP",
  length: "MAX_TOKENS",
  "content-filter": "SAFETY",
  other: "OTHER",
};

const usageJson = (usage: Usage): JsonObject => ({
  promptTokenCount: usage.inputTokens,
  cachedContentTokenCount: usage.cacheReadTokens,
  candidatesTokenCount: usage.outputTokens - usage.reasoningTokens,
  thoughtsTokenCount: usage.reasoningTokens,
  totalTokenCount: usage.inputTokens + usage.outputTokens,
});

const callPart = (call: WireToolCall, isSigned: boolean, { serial, issued }: AnswerContext): JsonObject => {
  const functionCall = {
    ...(call.id === undefined ? {} : { id: call.id }),
    name: call.name,
    args: typeof call.input === "string" ? {} : (call.input ?? {}),
  };
  if (!isSigned) return { functionCall };
  // Gemini signs the first of several parallel calls.
  const thoughtSignature = `c2lnbmF0dXJl${serial}`;
  issued.seals.set(thoughtSignature, call.name);
  return { functionCall, thoughtSignature };
};

const answer = (step: WireStep, context: AnswerContext): readonly Frame[] => {
  const usage = usageOf(step);
  const chunk = (parts: readonly JsonObject[], more: JsonObject = {}, isArguments = false): Frame =>
    frame(
      {
        candidates: [{ content: { parts, role: "model" }, index: 0, ...more }],
        ...(usage === null ? {} : { usageMetadata: usageJson(usage) }),
        modelVersion: context.model,
        responseId: `response-${context.serial}`,
      } satisfies Record<string, JsonValue>,
      isArguments,
    );
  const isThinking = step.reasoning !== undefined;
  return [
    ...piecesOf(step.reasoning, step).map((text) => chunk([{ text, thought: true }])),
    ...piecesOf(step.text, step).map((text) => chunk([{ text }])),
    ...callsOf(step).map((call, index) =>
      chunk([callPart(call, isThinking && index === 0, context)], {}, true),
    ),
    chunk([{ text: "" }], { finishReason: FINISH[finishOf(step)] }),
  ];
};

const contentsOf = (body: JsonObject): readonly JsonObject[] => asObjects(body["contents"]);

const PATH = /\/models\/([^/:]+):streamGenerateContent/;

/** Google's generateContent. */
export const googleFormat: WireFormat = {
  matches: (path) => PATH.test(path),
  modelOf: (path) => PATH.exec(path)?.[1] ?? "",
  keyOf: (headers) => headers["x-goog-api-key"] ?? "",
  check: checkGoogle,
  lastUserText(body) {
    const said = contentsOf(body)
      .filter((content) => content["role"] === "user")
      .map((content) => asJoinedText(content["parts"]));
    return said.findLast((text) => text !== "") ?? "";
  },
  toolResults: (body) =>
    asObjects(contentsOf(body).at(-1)?.["parts"])
      .map((part) => asObject(part["functionResponse"]))
      .filter((response) => response["name"] !== undefined)
      .map((response) => ({
        callId: asText(response["id"]) || asText(response["name"]),
        text: asText(asObject(response["response"])["content"]) || JSON.stringify(response["response"]),
      })),
  tools: (body) =>
    asObjects(body["tools"])
      .flatMap((tool) => asObjects(tool["functionDeclarations"]))
      .map((tool) => asText(tool["name"])),
  answer,
  refusal,
  errorFrame: (reason) => frame(refusal(reason).body),
};
