import type {
  LanguageModelV4File,
  LanguageModelV4ReasoningFile,
  LanguageModelV4StreamPart,
  LanguageModelV4ToolCall,
  LanguageModelV4ToolResult,
} from "@ai-sdk/provider";
import { ModelCallError } from "../../core/errors.ts";
import type { FinishReason } from "../../core/event.ts";
import type { JsonObject, JsonValue } from "../../core/json.ts";
import type { AssistantPart, FileData, ProviderMetadata, ToolCallPart } from "../../core/message.ts";
import type { ModelAnswer, ModelDelta } from "../../ports/model.ts";
import { isComplete, toFinishReason } from "./finish-reason.ts";
import { mergeMetadata, toProviderMetadata, withMetadata } from "./provider-metadata.ts";
import { toJson, toJsonObject } from "./to-json.ts";
import { toUsage } from "./to-usage.ts";

type Part<Type extends LanguageModelV4StreamPart["type"]> = Extract<
  LanguageModelV4StreamPart,
  { type: Type }
>;

/** A part that stands alone, rather than as one piece of a block. */
type Whole = Exclude<
  LanguageModelV4StreamPart,
  { type: `${"text" | "reasoning"}-${"start" | "delta" | "end"}` | "tool-input-start" | "tool-input-delta" }
>;

/** A block of text or reasoning that is still being said. */
type Block = {
  readonly type: "text" | "reasoning";
  text: string;
  providerMetadata: ProviderMetadata | undefined;
};

/** A tool call as said; whether its arguments are whole is known only at the end. */
type SaidCall = { readonly type: "said-call"; readonly call: LanguageModelV4ToolCall };

type Entry = Block | SaidCall | { readonly type: "done"; readonly part: AssistantPart };

/** Anthropic's package reports the beginning of each message as if it were content; it is never sent back. */
const ANTHROPIC_START = "anthropic.message_start";

const PING: ModelDelta = { type: "ping" };

const toFileData = (data: LanguageModelV4File["data"]): FileData => {
  if (data.type === "url") return { kind: "url", url: data.url.href };
  const bytes = data.data;
  return {
    kind: "base64",
    base64: typeof bytes === "string" ? bytes : Buffer.from(bytes).toString("base64"),
  };
};

const toOpaqueFile = (part: LanguageModelV4ReasoningFile): JsonObject => {
  const data = toFileData(part.data);
  return {
    type: part.type,
    mediaType: part.mediaType,
    data:
      data.kind === "url"
        ? { type: "url", url: data.url }
        : { type: "data", data: "base64" in data ? data.base64 : "" },
    ...withMetadata(toProviderMetadata(part.providerMetadata)),
  };
};

/**
 * Arguments as a value; the raw text where they are not JSON. Tools without parameters are often
 * called with nothing at all, which means `{}`, unless the answer may have been cut right there (E9).
 */
const toInput = (text: string, isWhole: boolean): JsonValue => {
  if (text.trim() === "") return isWhole ? {} : text;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
};

const toToolCall = (call: LanguageModelV4ToolCall, isWhole: boolean): ToolCallPart => ({
  type: "tool-call",
  providerCallId: call.toolCallId,
  toolName: call.toolName,
  input: toInput(call.input, isWhole),
  ...(call.providerExecuted === true ? { providerExecuted: true } : {}),
  ...withMetadata(toProviderMetadata(call.providerMetadata)),
});

const isSameCall = (entry: Entry, call: LanguageModelV4ToolCall): boolean =>
  entry.type === "said-call" &&
  call.toolCallId !== "" &&
  entry.call.toolCallId === call.toolCallId &&
  entry.call.toolName === call.toolName &&
  entry.call.input === call.input;

/** Puts the parts of one stream together, in the order in which they were begun. */
export class AnswerAssembly {
  readonly #entries: Entry[] = [];
  readonly #open = new Map<string, Block>();
  readonly #toolNames = new Map<string, string>();
  readonly #metadata: Record<string, JsonValue> = {};
  readonly #onDelta: (delta: ModelDelta) => void;
  #finish: Part<"finish"> | undefined;

  constructor(onDelta: (delta: ModelDelta) => void) {
    this.#onDelta = onDelta;
  }

  /** Takes one part. Parts of type `error` are the reader's to handle. */
  accept(part: LanguageModelV4StreamPart): void {
    switch (part.type) {
      case "text-start":
      case "reasoning-start":
        this.#begin(part);
        return;
      case "text-delta":
      case "reasoning-delta":
        this.#extend(part);
        return;
      case "text-end":
      case "reasoning-end":
        this.#end(part);
        return;
      case "tool-input-start":
        this.#toolNames.set(part.id, part.toolName);
        return;
      case "tool-input-delta":
        this.#extendInput(part);
        return;
      case "stream-start":
        if (part.warnings.length > 0) this.note("warnings", toJson(part.warnings));
        return;
      case "response-metadata":
        this.#noteResponse(part);
        return;
      case "finish":
        this.#finish = part;
        return;
      case "raw":
      case "ping":
        // Every chunk comes as `raw` first: the provider is alive, also while it shows nothing.
        this.#onDelta(PING);
        return;
      default:
        this.#add(part);
    }
  }

  /** Keeps something about the answer for the journal. */
  note(name: string, value: JsonValue): void {
    this.#metadata[name] = value;
  }

  /**
   * The whole answer.
   *
   * @throws ModelCallError MODEL_STREAM_CUT unless the provider declared it finished (M2, E9).
   */
  toAnswer(): ModelAnswer {
    const ended = this.#finish;
    const finish = toFinishReason(ended?.finishReason ?? { unified: "interrupted", raw: undefined });
    const content = this.#content(finish);
    if (finish === "tool-calls" && !content.some((part) => part.type === "tool-call")) {
      throw new ModelCallError("MODEL_RESPONSE_INVALID", "The provider announced a tool call and sent none.");
    }
    const raw = ended?.finishReason.raw;
    if (raw !== undefined) this.note("finishReason", raw);
    const metadata = toJsonObject(ended?.providerMetadata);
    if (metadata !== undefined) this.note("providerMetadata", metadata);
    return { content, finish, usage: toUsage(ended?.usage), metadata: this.#metadata };
  }

  #content(finish: FinishReason): AssistantPart[] {
    const isWhole = isComplete(finish);
    return this.#entries.flatMap((entry): AssistantPart[] => {
      if (entry.type === "done") return [entry.part];
      if (entry.type === "said-call") return [toToolCall(entry.call, isWhole)];
      const { type, text, providerMetadata } = entry;
      if (text === "" && providerMetadata === undefined) return [];
      return [{ type, text, ...withMetadata(providerMetadata) }];
    });
  }

  #begin(part: Part<"text-start" | "reasoning-start">): void {
    const type = part.type === "text-start" ? "text" : "reasoning";
    this.#openBlock(type, part.id, toProviderMetadata(part.providerMetadata));
  }

  #openBlock(type: Block["type"], id: string, providerMetadata: ProviderMetadata | undefined): Block {
    const block: Block = { type, text: "", providerMetadata };
    this.#open.set(`${type} ${id}`, block);
    this.#entries.push(block);
    return block;
  }

  #extend(part: Part<"text-delta" | "reasoning-delta">): void {
    const type = part.type === "text-delta" ? "text" : "reasoning";
    const block = this.#open.get(`${type} ${part.id}`) ?? this.#openBlock(type, part.id, undefined);
    block.text += part.delta;
    if (part.providerMetadata !== undefined) {
      block.providerMetadata = mergeMetadata(
        block.providerMetadata,
        toProviderMetadata(part.providerMetadata),
      );
    }
    if (part.delta !== "") this.#onDelta({ type, text: part.delta });
  }

  #end(part: Part<"text-end" | "reasoning-end">): void {
    const key = `${part.type === "text-end" ? "text" : "reasoning"} ${part.id}`;
    const block = this.#open.get(key);
    this.#open.delete(key);
    if (block !== undefined) {
      block.providerMetadata = mergeMetadata(
        block.providerMetadata,
        toProviderMetadata(part.providerMetadata),
      );
    }
    for (const citation of (part.type === "text-end" ? part.citations : undefined) ?? []) {
      this.#push({ type: "source", source: { type: "citation", ...toJsonObject(citation) } });
    }
  }

  #extendInput(part: Part<"tool-input-delta">): void {
    const toolName = this.#toolNames.get(part.id) ?? "";
    if (part.delta !== "") this.#onDelta({ type: "tool-input", toolName, text: part.delta });
  }

  #push(part: AssistantPart): void {
    this.#entries.push({ type: "done", part });
  }

  #add(part: Whole): void {
    switch (part.type) {
      case "tool-call":
        // The same call said twice, id and all, is one call.
        if (!this.#entries.some((entry) => isSameCall(entry, part))) {
          this.#entries.push({ type: "said-call", call: part });
        }
        return;
      case "tool-result":
        this.#addResult(part);
        return;
      case "file":
        this.#push({
          type: "file",
          mediaType: part.mediaType,
          data: toFileData(part.data),
          ...withMetadata(toProviderMetadata(part.providerMetadata)),
        });
        return;
      case "source":
        this.#push({ type: "source", source: toJsonObject(part) ?? {} });
        return;
      case "reasoning-file":
        this.#push({ type: "opaque", part: toOpaqueFile(part) });
        return;
      case "custom":
        if (part.kind === ANTHROPIC_START) return;
        this.#push({ type: "opaque", part: toJsonObject(part) ?? {} });
        return;
      case "tool-approval-request":
        this.#push({ type: "opaque", part: toJsonObject(part) ?? {} });
        return;
      default:
        return;
    }
  }

  /** Keeps the last result of a call that the provider ran: preliminary ones replace each other. */
  #addResult(part: LanguageModelV4ToolResult): void {
    if (part.preliminary === true) return;
    this.#push({
      type: "provider-tool-result",
      providerCallId: part.toolCallId,
      toolName: part.toolName,
      result: toJson(part.result),
      ...(part.isError === undefined ? {} : { isError: part.isError }),
      ...withMetadata(toProviderMetadata(part.providerMetadata)),
    });
  }

  #noteResponse({ id, modelId, timestamp }: Part<"response-metadata">): void {
    if (id !== undefined) this.note("responseId", id);
    if (modelId !== undefined) this.note("modelId", modelId);
    if (timestamp !== undefined) this.note("respondedAt", toJson(timestamp));
  }
}
