import type { JsonObject, JsonValue } from "../../core/json.ts";
import type { Usage } from "../../core/usage.ts";
import { checkOneSystemMessage, checkOpenaiChat } from "./openai-chat-checks.ts";
import { openaiRefusal } from "./openai-refusal.ts";
import {
  argumentsOf,
  callsOf,
  finishOf,
  frame,
  piecesOf,
  usageOf,
  type AnswerContext,
  type Frame,
  type WireFormat,
} from "./wire-format.ts";
import { asJoinedText, asObject, asObjects, asText } from "./wire-json.ts";
import type { WireStep, WireToolCall } from "./wire-script.ts";

const FINISH: Readonly<Record<NonNullable<WireStep["finish"]>, string>> = {
  stop: "stop",
  "tool-calls": "tool_calls",
  length: "length",
  "content-filter": "content_filter",
  other: "something_new",
};

type ChunkMaker = (choice: JsonObject, isArguments?: boolean) => Frame;

const chunkMaker = ({ serial, model }: AnswerContext): ChunkMaker => {
  const head = { id: `chatcmpl-${serial}`, object: "chat.completion.chunk", created: 1_700_000_000, model };
  return (choice, isArguments) =>
    frame({ ...head, choices: [{ index: 0, finish_reason: null, ...choice }] }, isArguments);
};

const callFrames = (
  call: WireToolCall,
  position: number,
  context: AnswerContext & { step: WireStep },
): readonly Frame[] => {
  const chunk = chunkMaker(context);
  const id = call.id ?? `call_${context.serial}${position}abcdefghijklmnopqrstuv`;
  const begin = { index: position, id, type: "function", function: { name: call.name, arguments: "" } };
  return [
    chunk({ delta: { tool_calls: [begin] } }),
    ...piecesOf(argumentsOf(call), context.step).map((piece) =>
      chunk({ delta: { tool_calls: [{ index: position, function: { arguments: piece } }] } }, true),
    ),
  ];
};

const usageJson = (usage: Usage): JsonObject => ({
  prompt_tokens: usage.inputTokens,
  completion_tokens: usage.outputTokens,
  total_tokens: usage.inputTokens + usage.outputTokens,
  prompt_tokens_details: { cached_tokens: usage.cacheReadTokens, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: usage.reasoningTokens, audio_tokens: 0 },
});

const answer = (step: WireStep, context: AnswerContext): readonly Frame[] => {
  const chunk = chunkMaker(context);
  const usage = usageOf(step);
  const wantsUsage = asObject(context.body["stream_options"])["include_usage"] === true;
  return [
    chunk({ delta: { role: "assistant", content: "" } }),
    // Not OpenAI itself, but most compatible servers stream reasoning this way.
    ...piecesOf(step.reasoning, step).map((piece) => chunk({ delta: { reasoning_content: piece } })),
    ...piecesOf(step.text, step).map((piece) => chunk({ delta: { content: piece } })),
    ...callsOf(step).flatMap((call, position) => callFrames(call, position, { ...context, step })),
    chunk({ delta: {}, finish_reason: FINISH[finishOf(step)] }),
    ...(usage !== null && wantsUsage
      ? [
          frame({
            id: `chatcmpl-${context.serial}`,
            object: "chat.completion.chunk",
            created: 1_700_000_000,
            model: context.model,
            choices: [],
            usage: usageJson(usage),
          }),
        ]
      : []),
    { text: "data: [DONE]\n\n" },
  ];
};

const messagesOf = (body: JsonObject): readonly JsonObject[] => asObjects(body["messages"]);

const isTool = (message: JsonObject): boolean => message["role"] === "tool";

const bearer = (headers: Readonly<Record<string, string>>): string =>
  (headers["authorization"] ?? "").replace(/^Bearer /, "");

/** OpenAI's chat completions; with `isStrict` as a server of open models, which allows one system message. */
export const openaiChatFormat = (isStrict: boolean): WireFormat => ({
  matches: (path) => path.endsWith("/chat/completions"),
  modelOf: (_, body) => asText(body["model"]),
  keyOf: bearer,
  check: (body) => (isStrict ? checkOneSystemMessage(body) : undefined) ?? checkOpenaiChat(body),
  lastUserText: (body) =>
    asJoinedText(messagesOf(body).findLast((message) => message["role"] === "user")?.["content"]),
  toolResults(body) {
    const messages = messagesOf(body);
    const last = messages.findLastIndex((message) => !isTool(message));
    return messages.slice(last + 1).map((message) => ({
      callId: asText(message["tool_call_id"]),
      text: asJoinedText(message["content"]),
    }));
  },
  tools: (body) => asObjects(body["tools"]).map((tool) => asText(asObject(tool["function"])["name"])),
  answer,
  refusal: openaiRefusal,
  errorFrame: (reason) => frame(openaiRefusal(reason).body as JsonValue),
});
