import type { JsonObject } from "../../core/json.ts";
import { checkAnthropic } from "./anthropic-checks.ts";
import {
  argumentsOf,
  callsOf,
  finishOf,
  piecesOf,
  typedFrame,
  usageOf,
  type AnswerContext,
  type Frame,
  type Refusal,
  type WireFormat,
} from "./wire-format.ts";
import { asJoinedText, asObjects, asText } from "./wire-json.ts";
import type { RefusalReason, WireStep } from "./wire-script.ts";

type Words = readonly [status: number, type: string, message: string];

const WORDS: Readonly<Record<RefusalReason, Words>> = {
  "bad-key": [401, "authentication_error", "invalid x-api-key"],
  "unknown-model": [404, "not_found_error", "model: nothing"],
  "rate-limit": [
    429,
    "rate_limit_error",
    "This request would exceed your organization's rate limit of 50 requests per minute.",
  ],
  quota: [
    400,
    "invalid_request_error",
    "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
  ],
  "context-overflow": [400, "invalid_request_error", "prompt is too long: 209353 tokens > 200000 maximum"],
  "content-policy": [400, "invalid_request_error", "Output blocked by content filtering policy"],
  "bad-request": [400, "invalid_request_error", "messages: Input should be a valid list"],
  "server-error": [500, "api_error", "Internal server error"],
  unavailable: [503, "api_error", "Service unavailable"],
  overloaded: [529, "overloaded_error", "Overloaded"],
};

const refusal = (reason: RefusalReason, message?: string): Refusal => {
  const [status, type, words] = WORDS[reason];
  return {
    status,
    body: { type: "error", error: { type, message: message ?? words }, request_id: "req_test" },
  };
};

type Block = {
  readonly begin: JsonObject;
  readonly deltas: readonly JsonObject[];
  readonly isArguments?: boolean;
};

const thinkingBlock = (text: string, step: WireStep, context: AnswerContext): Block => {
  const signature = `signature-${context.serial}-${context.issued.seals.size}`;
  context.issued.seals.set(signature, text);
  return {
    begin: { type: "thinking", thinking: "", signature: "" },
    deltas: [
      ...piecesOf(text, step).map((thinking) => ({ type: "thinking_delta", thinking })),
      { type: "signature_delta", signature },
    ],
  };
};

const blocksOf = (step: WireStep, context: AnswerContext): readonly Block[] => [
  ...(step.reasoning === undefined ? [] : [thinkingBlock(step.reasoning, step, context)]),
  ...(step.text === undefined
    ? []
    : [
        {
          begin: { type: "text", text: "" },
          deltas: piecesOf(step.text, step).map((text) => ({ type: "text_delta", text })),
        },
      ]),
  ...callsOf(step).map((call, position) => ({
    begin: {
      type: "tool_use",
      id: call.id ?? `toolu_${context.serial}_${position}`,
      name: call.name,
      input: {},
    },
    deltas: ["", ...piecesOf(argumentsOf(call), step)].map((partial_json) => ({
      type: "input_json_delta",
      partial_json,
    })),
    isArguments: true,
  })),
];

const blockFrames = ({ begin, deltas, isArguments = false }: Block, index: number): readonly Frame[] => [
  typedFrame({ type: "content_block_start", index, content_block: begin }),
  ...deltas.map((delta) => typedFrame({ type: "content_block_delta", index, delta }, isArguments)),
  typedFrame({ type: "content_block_stop", index }),
];

const STOP: Readonly<Record<NonNullable<WireStep["finish"]>, string>> = {
  stop: "end_turn",
  "tool-calls": "tool_use",
  length: "max_tokens",
  "content-filter": "refusal",
  other: "pause_turn",
};

const answer = (step: WireStep, context: AnswerContext): readonly Frame[] => {
  const usage = usageOf(step) ?? { inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 0 };
  const input = {
    input_tokens: usage.inputTokens - usage.cacheReadTokens - usage.cacheWriteTokens,
    cache_read_input_tokens: usage.cacheReadTokens,
    cache_creation_input_tokens: usage.cacheWriteTokens,
  };
  const message = {
    id: `msg_${context.serial}`,
    type: "message",
    role: "assistant",
    model: context.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { ...input, output_tokens: 1 },
  };
  return [
    typedFrame({ type: "message_start", message }),
    typedFrame({ type: "ping" }),
    ...blocksOf(step, context).flatMap(blockFrames),
    typedFrame({
      type: "message_delta",
      delta: { stop_reason: STOP[finishOf(step)], stop_sequence: null },
      usage: { output_tokens: usage.outputTokens },
    }),
    typedFrame({ type: "message_stop" }),
  ];
};

const lastBlocks = (body: JsonObject): readonly JsonObject[] =>
  asObjects(asObjects(body["messages"]).at(-1)?.["content"]);

/** Anthropic's Messages. */
export const anthropicFormat: WireFormat = {
  matches: (path) => path.endsWith("/messages"),
  modelOf: (_, body) => asText(body["model"]),
  keyOf: (headers) => headers["x-api-key"] ?? "",
  check: checkAnthropic,
  lastUserText(body) {
    const said = asObjects(body["messages"])
      .filter((message) => message["role"] === "user")
      .map((message) => asJoinedText(message["content"]));
    return said.findLast((text) => text !== "") ?? "";
  },
  toolResults: (body) =>
    lastBlocks(body)
      .filter((block) => block["type"] === "tool_result")
      .map((block) => ({ callId: asText(block["tool_use_id"]), text: asJoinedText(block["content"]) })),
  tools: (body) => asObjects(body["tools"]).map((tool) => asText(tool["name"])),
  answer,
  refusal,
  errorFrame: (reason) => typedFrame({ type: "error", ...refusal(reason).body }),
};
