import { defineAgent, defineTool, type AgentDefinition, type DefinedTool, type ToolEffect } from "holdfast";
// By its path: all of `holdfast/testing` would be loaded in every process that is killed.
import {
  scriptedModel,
  type ScriptedStep,
  type ScriptedTurn,
} from "../../packages/holdfast/src/models/index.ts";
import { chanceOf, pickOf, wholeOf } from "./chance.ts";
import type { EffectClient } from "./effect-client.ts";

type Kind = { readonly effect: ToolEffect; readonly canVerify: boolean; readonly outputChars: number };

const JSON_SCHEMA = {
  type: "object",
  properties: { n: { type: "number" } },
  required: ["n"],
  additionalProperties: false,
};

/** A Standard Schema in its shortest form; a library for it takes longer to load than the runtime. */
const INPUT = {
  "~standard": {
    version: 1 as const,
    vendor: "holdfast-kills",
    validate: (value: unknown) => {
      const isRight =
        typeof value === "object" && value !== null && "n" in value && typeof value.n === "number";
      return isRight ? { value } : { issues: [{ message: "n must be a number" }] };
    },
    jsonSchema: { input: () => JSON_SCHEMA, output: () => JSON_SCHEMA },
  },
};

/** Short, so that what a killed process began can soon be verified. */
const TIMEOUT_MS = 700;

const makeTool = (name: string, { effect, canVerify, outputChars }: Kind) =>
  defineTool<EffectClient>()({
    name,
    description: `${name}: ${effect}`,
    inputSchema: INPUT,
    effect,
    timeoutMs: TIMEOUT_MS,
    maxOutputChars: 1_000,
    retry: { maxAttempts: 4, initialDelayMs: 20, maxDelayMs: 200 },
    execute: async (_, context): Promise<string> => {
      const receipt = await context.deps.execute(context, effect);
      return `${receipt} ${".".repeat(outputChars)}`;
    },
    ...(canVerify
      ? {
          verify: async (_, context) => {
            const { receipt, isUnderWay } = await context.deps.verify(context, effect);
            if (isUnderWay) return { status: "unknown" as const };
            return receipt === null
              ? { status: "not-done" as const }
              : { status: "done" as const, output: receipt };
          },
        }
      : {}),
  });

/** A tool of every kind; `look` gives back more than fits, and the rest goes to the workspace. */
const TOOLS: readonly DefinedTool<unknown, unknown, EffectClient>[] = [
  makeTool("look", { effect: "read", canVerify: false, outputChars: 1_500 }),
  makeTool("put", { effect: "idempotent", canVerify: false, outputChars: 200 }),
  makeTool("pay", { effect: "write", canVerify: true, outputChars: 20 }),
  makeTool("tell", { effect: "write", canVerify: false, outputChars: 20 }),
];

const NAMES = ["look", "put", "put", "pay", "pay", "pay", "tell"] as const;

/**
 * A model that plays a script: what it answers follows from the conversation alone, so that any process gives
 * the same answer at the same place. Two or three turns of one to three calls, then a text.
 */
const answer = ({ lastUserText, messages }: ScriptedTurn): ScriptedStep => {
  const turn = messages.length - 1 - messages.findLastIndex((message) => message.role === "user");
  const turns = wholeOf(`${lastUserText}:turns`, 2, 3);
  if (turn >= turns * 2) return { text: `It is done: ${lastUserText}`, deltas: 3 };
  const place = `${lastUserText}:${turn}`;
  const count = wholeOf(`${place}:count`, 1, 3);
  return {
    text: chanceOf(`${place}:says`) < 0.5 ? "Let me see." : "",
    toolCalls: Array.from({ length: count }, (_, n) => ({
      name: pickOf(`${place}:${n}`, NAMES),
      input: { n },
    })),
  };
};

const makeAgent = (
  name: string,
  limits: { readonly maxParallelToolCalls: number; readonly maxWindowChars: number },
): AgentDefinition<string, EffectClient> =>
  defineAgent({
    name,
    instructions: `You are the ${name}.`,
    model: scriptedModel(answer),
    tools: TOOLS,
    limits: { maxTurns: 8, ...limits },
  });

/** One calls its tools side by side; the other one by one, and forgets the older part of its conversation. */
export const AGENTS = [
  makeAgent("clerk", { maxParallelToolCalls: 3, maxWindowChars: 60_000 }),
  makeAgent("porter", { maxParallelToolCalls: 1, maxWindowChars: 12_000 }),
] as const;
