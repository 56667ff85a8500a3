import { z } from "zod";
import type { Message } from "../../core/message.ts";
import { scriptedModel, type ScriptedStep, type ScriptedTurn } from "../../models/index.ts";
import { defineAgent, defineTool, type AgentDefinition, type DefinedTool } from "../../runtime/index.ts";
import type { ToolEffect } from "../../core/run-settings.ts";
import type { Chaos, FaultKind } from "./chaos.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { WorldDeps } from "./world.ts";

const INPUT = z.object({ n: z.number() });

type Kind = { readonly effect: ToolEffect; readonly timeoutMs: number; readonly canVerify: boolean };

const makeTool = (
  name: string,
  { effect, timeoutMs, canVerify }: Kind,
): DefinedTool<unknown, unknown, WorldDeps> =>
  defineTool<WorldDeps>()({
    name,
    description: name,
    inputSchema: INPUT,
    effect,
    timeoutMs,
    execute: (_, context) => context.deps.world.execute({ context, effect, timeoutMs }),
    ...(canVerify
      ? { verify: (_: unknown, context) => context.deps.world.verify({ context, effect, timeoutMs }) }
      : {}),
  });

/** A tool of every kind there is. `ship` outlives a lease. */
const TOOLS = [
  makeTool("look", { effect: "read", timeoutMs: 5_000, canVerify: false }),
  makeTool("put", { effect: "idempotent", timeoutMs: 8_000, canVerify: false }),
  makeTool("pay", { effect: "write", timeoutMs: 10_000, canVerify: true }),
  makeTool("tell", { effect: "write", timeoutMs: 10_000, canVerify: false }),
  makeTool("ship", { effect: "write", timeoutMs: 150_000, canVerify: true }),
];

type AgentParts = {
  readonly process: SimulatedProcess;
  readonly chaos: Chaos;
  /** Told of prompts that a provider would refuse. */
  readonly refuse: (sessionId: string, problem: string) => void;
};

/** The agent as one process knows it: the same definition everywhere, models that wait by its clock. */
export const simulatedAgent = (parts: AgentParts): AgentDefinition<string, WorldDeps> => {
  const script = (turn: ScriptedTurn): ScriptedStep => stepOf(turn, parts);
  const { clock } = parts.process;
  return defineAgent({
    name: "clerk",
    instructions: ({ session }) => session.id,
    tools: TOOLS,
    model: [
      scriptedModel(script, { clock, provider: "first", modelId: "one" }),
      scriptedModel(script, { clock, provider: "second", modelId: "two" }),
    ],
    limits: { maxTurns: 12, maxParallelToolCalls: 3, maxWindowChars: 2_500, maxDurationMs: 900_000 },
  });
};

const stepOf = ({ messages, system }: ScriptedTurn, { chaos, refuse }: AgentParts): ScriptedStep => {
  const sessionId = system ?? "";
  const problem = problemIn(messages);
  if (problem !== null) refuse(sessionId, problem);
  const said = messages.length - 1 - messages.findLastIndex((message) => message.role === "user");
  const step = answer(chaos, said);
  const fault = faultOf(chaos);
  if (fault === null) return step;
  chaos.struck(fault, sessionId);
  return { ...step, ...spoilt(fault, chaos, step) };
};

const NAMES = ["look", "look", "put", "put", "pay", "pay", "pay", "tell", "ship"] as const;

const answer = ({ random }: Chaos, said: number): ScriptedStep => {
  if (said >= 2 && random.chance(0.25 + said * 0.05)) return { text: "It is done.", deltas: 3 };
  const calls = Array.from({ length: random.between(1, 3) }, (_, n) => ({
    name: random.pick(NAMES),
    input: { n },
  }));
  return { text: "Let me see.", toolCalls: calls, firstTokenDelayMs: random.between(10, 900) };
};

const RATES: readonly (readonly [FaultKind, number])[] = [
  ["model-cut", 0.02],
  ["model-error", 0.02],
  ["model-retry-after", 0.015],
  ["model-hang", 0.01],
  ["model-slow", 0.02],
  ["model-odd-answer", 0.03],
];

const faultOf = (chaos: Chaos): FaultKind | null =>
  RATES.find(([kind, rate]) => chaos.strikes(kind, rate))?.[0] ?? null;

const spoilt = (fault: FaultKind, { random }: Chaos, step: ScriptedStep): ScriptedStep => {
  switch (fault) {
    case "model-cut":
      return { cutAfterChars: random.between(1, 20) };
    case "model-error":
      return { fail: { code: random.pick(ERRORS) } };
    case "model-retry-after":
      return { fail: { code: "MODEL_RATE_LIMITED", retryAfterMs: random.between(1_000, 45_000) } };
    case "model-hang":
      return { hang: true };
    case "model-slow":
      return { firstTokenDelayMs: random.between(3_000, 19_000), gapMs: random.between(1_000, 9_000) };
    default:
      return oddAnswer(random.between(1, 4), step);
  }
};

const ERRORS = [
  "MODEL_UNAVAILABLE",
  "MODEL_UNAVAILABLE",
  "MODEL_RESPONSE_INVALID",
  "MODEL_UNAUTHORIZED",
  "MODEL_CONTEXT_OVERFLOW",
] as const;

const oddAnswer = (which: number, step: ScriptedStep): ScriptedStep => {
  switch (which) {
    case 1:
      return { toolCalls: [{ name: "no_such_tool", input: {} }, ...(step.toolCalls ?? [])] };
    case 2:
      return { toolCalls: [{ name: "pay", input: "{ cut" }, ...(step.toolCalls ?? [])] };
    case 3:
      return { finish: "length" };
    default:
      return { toolCalls: [{ name: "put", input: { n: "x" } }] };
  }
};

/** What a provider would refuse: a call without its one result, a result without its call (E3). */
const problemIn = (messages: readonly Message[]): string | null => {
  let open: readonly string[] = [];
  for (const message of messages) {
    const results = message.role === "tool" ? message.results.map((result) => result.callId) : [];
    if (open.toSorted().join() !== results.toSorted().join())
      return `calls ${open.join() || "none"} have results ${results.join() || "none"}`;
    open = [];
    if (message.role !== "assistant") continue;
    open = message.content.flatMap((part) =>
      part.type === "tool-call" && part.providerExecuted !== true ? [part.callId ?? "?"] : [],
    );
  }
  return null;
};
