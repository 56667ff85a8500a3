import { z } from "zod";
import { scriptedModel } from "../../packages/holdfast/src/models/index.ts";
import type { ScriptedStep, ScriptedTurn } from "../../packages/holdfast/src/models/scripted/script.ts";
import {
  defineAgent,
  defineTool,
  type AgentDefinition,
  type DefinedTool,
} from "../../packages/holdfast/src/runtime/index.ts";
import type { ToolContext } from "../../packages/holdfast/src/ports/tool.ts";
import type { Say } from "./witness.ts";

export type Deps = {
  readonly say: Say;
  /** Whether an attempt had its effect in the world, by what was written down there; ids of calls repeat across sessions, keys do not. */
  readonly wasExecuted: (idempotencyKey: string) => boolean;
};

const INPUT = z.object({ n: z.number(), filler: z.string() });

const makeTool = (
  name: string,
  effect: "read" | "idempotent" | "write",
  canVerify: boolean,
): DefinedTool<unknown, unknown, Deps> =>
  defineTool<Deps>()({
    name,
    description: name,
    inputSchema: INPUT,
    effect,
    timeoutMs: 3_000,
    execute: async (input, context) => {
      const { callId, attempt, idempotencyKey, session, deps } = context;
      const entry = { sessionId: session.id, callId, attempt, effect, idempotencyKey, at: Date.now() };
      deps.say({ say: "effect", kind: "entered", ...entry });
      deps.say({ say: "effect", kind: "executed", ...entry });
      deps.say({ say: "effect", kind: "returned", ...entry });
      return { done: callId, attempt, filler: input.filler };
    },
    ...(canVerify
      ? {
          verify: async (_: unknown, context: ToolContext<Deps>) => {
            const { callId, attempt, idempotencyKey, session, deps } = context;
            const entry = { sessionId: session.id, callId, attempt, effect, idempotencyKey };
            deps.say({ say: "effect", kind: "verified", ...entry, at: Date.now() });
            return deps.wasExecuted(idempotencyKey)
              ? { status: "done" as const, output: { done: callId, attempt, filler: "" } }
              : { status: "not-done" as const };
          },
        }
      : {}),
  });

const TOOLS = [
  makeTool("look", "read", false),
  makeTool("put", "idempotent", false),
  makeTool("pay", "write", true),
];
const NAMES = ["look", "pay", "put"] as const;

/** Inputs begin with how many turns of tools to make and how many characters each argument has: `4 300 …`. */
const stepOf = ({ messages }: ScriptedTurn): ScriptedStep => {
  const at = messages.findLastIndex((message) => message.role === "user");
  const asked = messages[at];
  const first = asked?.role === "user" ? asked.content[0] : undefined;
  const [turns = 0, size = 0] = (first?.type === "text" ? first.text : "").split(" ").map(Number);
  const made = messages.slice(at).filter((message) => message.role === "tool").length;
  if (made >= turns) return { text: `Done after ${made}.` };
  const filler = "abcdefghij".repeat(Math.ceil(size / 10)).slice(0, size);
  const name = NAMES[made % NAMES.length] ?? "look";
  const calls = [{ name, input: { n: made, filler } }];
  if (made % 4 === 3) calls.push({ name: "put", input: { n: made + 100, filler: "second" } });
  return { text: "Next.", toolCalls: calls };
};

export const createAgent = (): AgentDefinition<string, Deps> =>
  defineAgent({
    name: "clerk",
    instructions: "Work.",
    tools: TOOLS,
    model: scriptedModel(stepOf),
    limits: { maxTurns: 200, maxWindowChars: 20_000, maxDurationMs: 900_000 },
  });
