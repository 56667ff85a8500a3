import type { JsonObject } from "../../core/json.ts";
import type { Usage } from "../../core/usage.ts";
import { checkOpenaiResponses } from "./openai-responses-checks.ts";
import { openaiRefusal } from "./openai-refusal.ts";
import {
  argumentsOf,
  callsOf,
  finishOf,
  piecesOf,
  typedFrame,
  usageOf,
  type AnswerContext,
  type Frame,
  type WireFormat,
} from "./wire-format.ts";
import { asJoinedText, asObjects, asText } from "./wire-json.ts";
import type { WireStep, WireToolCall } from "./wire-script.ts";

type Event = JsonObject & { readonly type: string };

/** Numbers the events and items of one answer. */
class Answer {
  readonly frames: Frame[] = [];
  readonly #context: AnswerContext;
  readonly #step: WireStep;
  readonly #isStored: boolean;
  #reasoningId: string | undefined;
  #items = 0;

  constructor(step: WireStep, context: AnswerContext) {
    this.#step = step;
    this.#context = context;
    this.#isStored = context.body["store"] !== false;
  }

  send(event: Event, isArguments = false): void {
    this.frames.push(typedFrame({ ...event, sequence_number: this.frames.length }, isArguments));
  }

  reasoning(text: string): void {
    const { id, at } = this.#begin("rs", undefined);
    const seal = `encrypted-${id}`;
    this.#context.issued.seals.set(seal, id);
    const item = { id, type: "reasoning", summary: [] };
    const wantsSeal = (this.#context.body["include"] ?? []) as readonly string[];
    const sealed: JsonObject = wantsSeal.includes("reasoning.encrypted_content")
      ? { encrypted_content: seal }
      : {};
    this.send({ type: "response.output_item.added", output_index: at, item: { ...item, ...sealed } });
    const of = { item_id: id, output_index: at, summary_index: 0 };
    this.send({
      type: "response.reasoning_summary_part.added",
      ...of,
      part: { type: "summary_text", text: "" },
    });
    for (const delta of piecesOf(text, this.#step)) {
      this.send({ type: "response.reasoning_summary_text.delta", ...of, delta });
    }
    this.send({ type: "response.reasoning_summary_text.done", ...of, text });
    this.send({ type: "response.reasoning_summary_part.done", ...of, part: { type: "summary_text", text } });
    const summary = [{ type: "summary_text", text }];
    this.send({ type: "response.output_item.done", output_index: at, item: { ...item, ...sealed, summary } });
    this.#reasoningId = id;
  }

  message(text: string): void {
    const { id, at } = this.#begin("msg", this.#reasoningId);
    const item = { id, type: "message", role: "assistant" };
    this.send({
      type: "response.output_item.added",
      output_index: at,
      item: { ...item, status: "in_progress", content: [] },
    });
    const of = { item_id: id, output_index: at, content_index: 0 };
    const part = { type: "output_text", annotations: [] };
    this.send({ type: "response.content_part.added", ...of, part: { ...part, text: "" } });
    for (const delta of piecesOf(text, this.#step))
      this.send({ type: "response.output_text.delta", ...of, delta });
    this.send({ type: "response.output_text.done", ...of, text });
    this.send({ type: "response.content_part.done", ...of, part: { ...part, text } });
    this.send({
      type: "response.output_item.done",
      output_index: at,
      item: { ...item, status: "completed", content: [{ ...part, text }] },
    });
    this.#reasoningId = undefined;
  }

  call(call: WireToolCall): void {
    const { id, at } = this.#begin("fc", this.#reasoningId);
    const callId = call.id ?? `call_${this.#context.serial}${at}abcdefghijklmnopqrstuv`;
    this.#context.issued.seals.set(`call of ${id}`, callId);
    const item = { id, type: "function_call", call_id: callId, name: call.name };
    const text = argumentsOf(call);
    this.send({
      type: "response.output_item.added",
      output_index: at,
      item: { ...item, status: "in_progress", arguments: "" },
    });
    const of = { item_id: id, output_index: at };
    for (const delta of piecesOf(text, this.#step)) {
      this.send({ type: "response.function_call_arguments.delta", ...of, delta }, true);
    }
    this.send({ type: "response.function_call_arguments.done", ...of, arguments: text });
    this.send({
      type: "response.output_item.done",
      output_index: at,
      item: { ...item, status: "completed", arguments: text },
    });
  }

  #begin(kind: string, reasoningId: string | undefined): { readonly id: string; readonly at: number } {
    const at = this.#items++;
    const id = `${kind}_${this.#context.serial}_${at}`;
    this.#context.issued.items.set(id, { reasoningId, isStored: this.#isStored });
    return { id, at };
  }
}

const usageJson = (usage: Usage): JsonObject => ({
  input_tokens: usage.inputTokens,
  input_tokens_details: { cached_tokens: usage.cacheReadTokens },
  output_tokens: usage.outputTokens,
  output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  total_tokens: usage.inputTokens + usage.outputTokens,
});

const INCOMPLETE: Readonly<Record<string, string>> = {
  length: "max_output_tokens",
  "content-filter": "content_filter",
  other: "something_new",
};

const answer = (step: WireStep, context: AnswerContext): readonly Frame[] => {
  const made = new Answer(step, context);
  const response = {
    id: `resp_${context.serial}`,
    object: "response",
    created_at: 1_700_000_000,
    model: context.model,
    output: [],
  };
  made.send({ type: "response.created", response: { ...response, status: "in_progress" } });
  made.send({ type: "response.in_progress", response: { ...response, status: "in_progress" } });
  if (step.reasoning !== undefined) made.reasoning(step.reasoning);
  if (step.text !== undefined) made.message(step.text);
  for (const call of callsOf(step)) made.call(call);
  const reason = INCOMPLETE[finishOf(step)];
  const status = reason === undefined ? "completed" : "incomplete";
  const usage = usageOf(step);
  made.send({
    type: `response.${status}`,
    response: {
      ...response,
      status,
      incomplete_details: reason === undefined ? null : { reason },
      usage: usage === null ? null : usageJson(usage),
    },
  });
  return made.frames;
};

const itemsOf = (body: JsonObject): readonly JsonObject[] => asObjects(body["input"]);

const isOutput = (item: JsonObject): boolean => item["type"] === "function_call_output";

/** OpenAI's Responses. */
export const openaiResponsesFormat: WireFormat = {
  matches: (path) => path.endsWith("/responses"),
  modelOf: (_, body) => asText(body["model"]),
  keyOf: (headers) => (headers["authorization"] ?? "").replace(/^Bearer /, ""),
  check: checkOpenaiResponses,
  lastUserText: (body) =>
    asJoinedText(itemsOf(body).findLast((item) => item["role"] === "user")?.["content"]),
  toolResults(body) {
    const items = itemsOf(body);
    const last = items.findLastIndex((item) => !isOutput(item));
    return items
      .slice(last + 1)
      .map((item) => ({ callId: asText(item["call_id"]), text: asJoinedText(item["output"]) }));
  },
  tools: (body) => asObjects(body["tools"]).map((tool) => asText(tool["name"])),
  answer,
  refusal: openaiRefusal,
  errorFrame(reason) {
    const { error } = openaiRefusal(reason).body as { error: JsonObject };
    const { message = "", code = null } = error;
    return typedFrame({
      type: "error",
      sequence_number: 3,
      error: { ...error, code: code ?? "server_error" },
      message,
      code: code ?? "server_error",
      param: null,
    });
  },
};
