import { AssertionError } from "node:assert";
import { z } from "zod";
import type { EventType, HeaderOf, JournalEvent } from "../core/event.ts";
import { openEvent } from "../core/journal-codec.ts";
import type { Message } from "../core/message.ts";
import type { ToolEffect } from "../core/run-settings.ts";
import { scriptedModel, type Script, type ScriptedModelOptions } from "../models/index.ts";
import type { Model, ModelRequest } from "../ports/model.ts";
import type { JournalStore } from "../ports/journal-store.ts";
import type { LogFields, Logger, LogLevel, ToolContext } from "../ports/tool.ts";
import {
  defineAgent,
  defineTool,
  type AgentDefinition,
  type AgentOptions,
  type DefinedTool,
  type ToolDefinition,
} from "../runtime/index.ts";
import type { TestRuntime } from "./create-test-runtime.ts";

/** A scripted model that remembers what it was sent, and refuses what a provider would refuse (E3). */
export type RecordingModel = Model & { readonly requests: readonly ModelRequest[] };

export const recordingModel = (script: Script, options: ScriptedModelOptions = {}): RecordingModel => {
  const requests: ModelRequest[] = [];
  const model = scriptedModel(script, options);
  return {
    provider: model.provider,
    modelId: model.modelId,
    requests,
    call: (request) => {
      requests.push({ ...request, messages: [...request.messages] });
      assertValidTranscript(request.messages);
      return model.call(request);
    },
  };
};

/** Every call is followed by exactly one result, in the very next message, in the order of the calls. */
const assertValidTranscript = (messages: readonly Message[]): void => {
  messages.forEach((message, index) => {
    const expected = message.role === "assistant" ? callIdsOf(message) : [];
    const next = messages[index + 1];
    const found = next?.role === "tool" ? next.results.map((result) => result.callId) : [];
    const isOrphan = message.role === "tool" && messages[index - 1]?.role !== "assistant";
    if (!isOrphan && (message.role !== "assistant" || expected.join() === found.join())) return;
    throw new AssertionError({
      message: `Message ${index} is not valid: calls [${expected.join()}], results [${found.join()}].`,
    });
  });
};

const callIdsOf = (message: Message & { role: "assistant" }): readonly string[] =>
  message.content.flatMap((part) =>
    part.type === "tool-call" && part.providerExecuted !== true ? [part.callId ?? ""] : [],
  );

const ANY_INPUT = z.record(z.string(), z.json());

export type AnyInput = z.infer<typeof ANY_INPUT>;

type Execute = (input: AnyInput, context: ToolContext) => unknown;

type More = Partial<
  Omit<ToolDefinition<typeof ANY_INPUT, unknown, unknown>, "name" | "effect" | "execute" | "inputSchema">
>;

/** A tool that takes any object. */
export const toolOf = (
  definition: { readonly name: string; readonly effect: ToolEffect; readonly execute: Execute } & More,
): DefinedTool<AnyInput> =>
  defineTool()({
    description: definition.name,
    inputSchema: ANY_INPUT,
    retry: { maxAttempts: 1 },
    ...definition,
  });

/** An agent called "clerk". */
export const agentOf = (
  options: Pick<AgentOptions, "model"> &
    Partial<Omit<AgentOptions<undefined, readonly DefinedTool[]>, "output">>,
): AgentDefinition => defineAgent({ name: "clerk", instructions: "Work.", ...options });

/** The journal as it is stored. */
export const journalOf = async (
  test: { readonly store: JournalStore },
  sessionId: string,
): Promise<readonly JournalEvent[]> =>
  (await test.store.read(sessionId, 0, { limit: 100_000 })).map(openEvent);

export const typesOf = (events: readonly JournalEvent[]): readonly EventType[] =>
  events.map((event) => event.header.type);

/** Headers of one type, in order. */
export const headersOf = <Type extends EventType>(
  events: readonly JournalEvent[],
  type: Type,
): readonly HeaderOf<Type>[] =>
  events.flatMap(({ header }) => (header.type === type ? [header as HeaderOf<Type>] : []));

/** A door that a tool waits at until the test opens it. */
export const makeDoor = (): { readonly opened: Promise<void>; readonly open: () => void } => {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
};

export type LogLine = { readonly level: LogLevel; readonly message: string; readonly fields?: LogFields };

/** A logger that keeps what it is told. */
export const keepingLogger = (): Logger & { readonly lines: readonly LogLine[] } => {
  const lines: LogLine[] = [];
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    lines.push({ level, message, ...(fields === undefined ? {} : { fields }) });
  };
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
};

/** Moves time on until the promise settles; fails when it has not within `limitMs`. */
export const within = async <Value>(
  test: Pick<TestRuntime, "advanceTime">,
  promise: Promise<Value>,
  limitMs: number,
): Promise<Value> => {
  let isSettled = false;
  const note = (): void => {
    isSettled = true;
  };
  promise.then(note, note);
  const step = Math.max(1, Math.min(500, Math.ceil(limitMs / 20)));
  for (let passed = 0; passed < limitMs && !isSettled; passed += step) await test.advanceTime(step);
  await test.advanceTime(0);
  if (isSettled) return promise;
  throw new AssertionError({ message: `Nothing came within ${limitMs} ms.` });
};
