import { ConfigurationError, ModelCallError } from "../../core/errors.ts";
import type { AssistantPart, Message, ToolCallPart } from "../../core/message.ts";
import { estimateTokens, type Usage } from "../../core/usage.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Model, ModelAnswer, ModelDelta, ModelRequest } from "../../ports/model.ts";
import type { Script, ScriptedFailure, ScriptedStep } from "./script.ts";
import { scriptedTurn, stepFor } from "./scripted-turn.ts";

/** How a scripted model presents itself, and whose clock it waits by. */
export type ScriptedModelOptions = {
  /** `scripted` when absent. */
  readonly modelId?: string;
  /** `scripted` when absent; two providers make a fallback visible. */
  readonly provider?: string;
  /** Needed by steps that wait. */
  readonly clock?: Clock;
};

const PROVIDER = "scripted";

const cancelled = (): ModelCallError =>
  new ModelCallError("MODEL_CALL_CANCELLED", "The model call was cancelled.");

const toError = (fail: ScriptedFailure): ModelCallError => {
  if (fail instanceof ModelCallError) return fail;
  const { code, message = `The script fails here with ${code}.`, retryAfterMs } = fail;
  return new ModelCallError(code, message, retryAfterMs === undefined ? {} : { retryAfterMs });
};

/** The pieces of a text, of about the same size. */
const piecesOf = (text: string, count: number): readonly string[] => {
  if (text === "") return [];
  if (count <= 1) return [text];
  const size = Math.ceil(text.length / count);
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
    text.slice(index * size, (index + 1) * size),
  );
};

const inputText = (input: ToolCallPart["input"]): string =>
  typeof input === "string" ? input : JSON.stringify(input);

const contentOf = (step: ScriptedStep, index: number): readonly AssistantPart[] => [
  ...(step.reasoning ? [{ type: "reasoning", text: step.reasoning } as const] : []),
  ...(step.text ? [{ type: "text", text: step.text } as const] : []),
  ...(step.toolCalls ?? []).map((call, position): ToolCallPart => ({
    type: "tool-call",
    providerCallId: call.id ?? `scripted_${index}_${position}`,
    toolName: call.name,
    input: call.input ?? {},
  })),
];

const deltasOf = (content: readonly AssistantPart[], count: number): readonly ModelDelta[] =>
  content.flatMap((part): readonly ModelDelta[] => {
    if (part.type === "tool-call") {
      return [{ type: "tool-input", toolName: part.toolName, text: inputText(part.input) }];
    }
    if (part.type !== "text" && part.type !== "reasoning") return [];
    return piecesOf(part.text, count).map((text) => ({ type: part.type, text }));
  });

const charsOf = (message: Message): number => {
  if (message.role === "tool") return JSON.stringify(message.results).length;
  let chars = 0;
  for (const part of message.content) {
    if (part.type === "text" || part.type === "reasoning") chars += part.text.length;
    else chars += JSON.stringify(part).length;
  }
  return chars;
};

/** Plays a script as a `Model`. */
class ScriptedModel implements Model {
  readonly provider: string;
  readonly modelId: string;
  readonly #script: Script;
  readonly #clock: Clock | undefined;
  /** A long conversation is counted once, not once a turn. */
  readonly #charsOf = new WeakMap<Message, number>();
  #calls = 0;

  constructor(script: Script, options: ScriptedModelOptions) {
    this.provider = options.provider ?? PROVIDER;
    this.modelId = options.modelId ?? PROVIDER;
    this.#script = script;
    this.#clock = options.clock;
  }

  async call(request: ModelRequest): Promise<ModelAnswer> {
    const index = this.#calls++;
    if (request.signal.aborted) throw cancelled();
    const { system, messages } = request;
    const tools = request.tools.map((tool) => tool.name);
    const step = stepFor(this.#script, scriptedTurn({ index, system, messages, tools }));
    if (step.hang === true) return await this.#hang(request.signal);
    if (step.fail !== undefined && step.cutAfterChars === undefined) {
      if (step.firstTokenDelayMs !== undefined) await this.#wait(step.firstTokenDelayMs, request.signal);
      throw toError(step.fail);
    }
    const content = contentOf(step, index);
    const streamed = await this.#stream(step, deltasOf(content, step.deltas ?? 1), request);
    return {
      content,
      finish: step.finish ?? ((step.toolCalls ?? []).length > 0 ? "tool-calls" : "stop"),
      usage: this.#usage(step, streamed, request),
      metadata: {},
    };
  }

  /** Emits the pieces in order and answers how many characters they had. */
  async #stream(step: ScriptedStep, deltas: readonly ModelDelta[], request: ModelRequest): Promise<number> {
    const limit = step.cutAfterChars ?? Number.POSITIVE_INFINITY;
    let chars = 0;
    let waitMs = step.firstTokenDelayMs;
    for (const delta of deltas) {
      if (waitMs !== undefined) await this.#wait(waitMs, request.signal);
      if (request.signal.aborted) throw cancelled();
      waitMs = step.gapMs;
      const text = delta.type === "ping" ? "" : delta.text.slice(0, limit - chars);
      if (delta.type !== "ping" && text !== "") request.onDelta({ ...delta, text });
      chars += text.length;
      if (chars >= limit) break;
    }
    if (step.cutAfterChars === undefined) return chars;
    throw toError(step.fail ?? { code: "MODEL_STREAM_CUT" });
  }

  #usage(step: ScriptedStep, outputChars: number, request: ModelRequest): Usage | null {
    if (step.usage === null) return null;
    return {
      inputTokens: step.usage?.inputTokens ?? estimateTokens(this.#inputChars(request)),
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: estimateTokens(outputChars),
      reasoningTokens: estimateTokens(step.reasoning?.length ?? 0),
      ...step.usage,
    };
  }

  #inputChars({ system, messages }: ModelRequest): number {
    let chars = system?.length ?? 0;
    for (const message of messages) chars += this.#chars(message);
    return chars;
  }

  #chars(message: Message): number {
    const known = this.#charsOf.get(message);
    if (known !== undefined) return known;
    const chars = charsOf(message);
    this.#charsOf.set(message, chars);
    return chars;
  }

  #hang(signal: AbortSignal): Promise<never> {
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(cancelled()), { once: true });
    });
  }

  async #wait(delayMs: number, signal: AbortSignal): Promise<void> {
    const clock = this.#clock;
    if (clock === undefined) {
      throw new ConfigurationError("OPTION_INVALID", "A scripted step that waits needs a clock.", {
        hint: "Pass it: scriptedModel(script, { clock }).",
      });
    }
    if (signal.aborted) throw cancelled();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = clock.startTimer(delayMs, resolve);
    const stop = (): void => {
      timer.stop();
      reject(cancelled());
    };
    signal.addEventListener("abort", stop, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}

/**
 * A model that plays a script instead of thinking: for tests, examples and benches.
 * A list is played one step a call, in order, by this instance; where many sessions share a model,
 * or a process may restart, use a function of the conversation.
 *
 * @example
 * scriptedModel(({ toolResults, lastUserText }) =>
 *   toolResults.length > 0
 *     ? { text: "Done." }
 *     : { toolCalls: [{ name: "look_up", input: { question: lastUserText } }] });
 */
export const scriptedModel = (script: Script, options: ScriptedModelOptions = {}): Model =>
  new ScriptedModel(script, options);
