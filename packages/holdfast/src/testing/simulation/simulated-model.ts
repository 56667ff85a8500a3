import type { JsonValue } from "../../core/json.ts";
import type { Message } from "../../core/message.ts";
import type { ScriptedStep, ScriptedTurn } from "../../models/index.ts";
import type { Chaos, FaultKind } from "./chaos.ts";
import type { ModelEntry, ModelSaying } from "./checker/history.ts";
import type { Random } from "./random.ts";
import { counted, type SimulatedBudget } from "./simulated-budget.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

/** How long a model may take. */
export const MODEL_LIMITS = { firstTokenMs: 20_000, gapMs: 15_000, totalMs: 60_000 } as const;

/** What a simulated model has to know of where it runs. */
export type ModelParts = {
  readonly process: SimulatedProcess;
  readonly chaos: Chaos;
  readonly budget: SimulatedBudget | null;
  /** Told of prompts that a provider would refuse. */
  readonly refuse: (sessionId: string, problem: string) => void;
  /** Writes down what was asked and what will be done. */
  readonly note: (entry: Omit<ModelEntry, "at" | "durable">) => void;
};

/** What the model does next; the instructions say whose conversation it is. */
export const nextStep = (
  { messages, system, tools }: ScriptedTurn,
  { provider, hasOutput }: { readonly provider: string; readonly hasOutput: boolean },
  { process, chaos, budget, refuse, note }: ModelParts,
): ScriptedStep => {
  if (process.isDead) return { hang: true };
  const sessionId = system ?? "";
  const problem = problemIn(messages);
  if (problem !== null) refuse(sessionId, problem);
  const said = messages.length - 1 - messages.findLastIndex((message) => message.role === "user");
  const usual = answer(chaos, said, { hasOutput, tools });
  // Whoever is stopped while the model answers hears of it when other things are due as well.
  if (chaos.strikes("freeze", 0.004)) {
    chaos.struck("freeze", sessionId);
    process.freeze(chaos.random.between(5_000, 80_000));
  }
  const fault = faultOf(chaos);
  if (fault !== null) chaos.struck(fault, sessionId);
  const drawn = fault === null ? usual : { ...usual, ...spoilt(fault, chaos, usual) };
  const step = counted(budget, drawn, { sessionId, messages });
  note({
    sessionId,
    provider,
    prompt: [...messages],
    answer: sayingOf(step, hasOutput),
    code: step.cutAfterChars === undefined ? codeOf(step) : "MODEL_STREAM_CUT",
    retryAfterMs:
      step.fail !== undefined && "retryAfterMs" in step.fail ? (step.fail.retryAfterMs ?? null) : null,
  });
  return step;
};

const codeOf = ({ fail }: ScriptedStep): ModelEntry["code"] => {
  if (fail === undefined) return null;
  return "code" in fail ? fail.code : null;
};

const sayingOf = (step: ScriptedStep, hasOutput: boolean): ModelSaying | null => {
  if (step.hang === true || step.fail !== undefined || step.cutAfterChars !== undefined) return null;
  const calls = (step.toolCalls ?? []).map((call) => call.name);
  const { inputTokens = 0, outputTokens = 0 } = step.usage ?? {};
  return {
    text: step.text ?? "",
    calls,
    finish: step.finish ?? (calls.length > 0 ? "tool-calls" : "stop"),
    fits: hasOutput && calls.length === 0 ? step.finish === undefined && FITS.test(step.text ?? "") : null,
    usage: step.usage === null ? null : { inputTokens, outputTokens },
  };
};

/** The form in which an answer is asked for, where it has one. */
const FITS = /^\{"sum":\d+\}$/;

const NAMES = ["look", "look", "put", "put", "pay", "pay", "pay", "tell", "ship"] as const;

const answer = (
  { random }: Chaos,
  said: number,
  { hasOutput, tools }: { readonly hasOutput: boolean; readonly tools: readonly string[] },
): ScriptedStep => {
  const text = `${random.pick(["Let me see", "So far, so good", "This takes some thought"])}: ${random.between(0, 1_000_000)}.`;
  const usage = random.chance(0.1)
    ? null
    : { inputTokens: random.between(1, 5_000), outputTokens: random.between(1, 500) };
  const common = { text, usage, deltas: random.between(1, 4) };
  if (said >= 2 && random.chance(0.25 + said * 0.05)) {
    const last =
      hasOutput && random.chance(0.6) ? { ...common, text: `{"sum":${random.between(0, 99)}}` } : common;
    return random.chance(0.5) ? last : { ...last, firstTokenDelayMs: random.between(10, 3_000) };
  }
  const known = NAMES.filter((name) => tools.includes(name));
  const toolCalls = Array.from({ length: random.pick([1, 1, 2, 2, 3, 5]) }, () => ({
    name: random.any(known) ?? "look",
    input: { n: random.between(0, 1_000_000) },
  }));
  return { ...common, toolCalls, firstTokenDelayMs: random.between(10, 900) };
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
      return { fail: { code: random.pick(ERRORS) }, ...afterAWhile(random) };
    case "model-retry-after":
      return {
        fail: {
          code: "MODEL_RATE_LIMITED",
          retryAfterMs: random.chance(0.05) ? TWO_DAYS_MS : random.between(1_000, 45_000),
        },
      };
    case "model-hang":
      return { hang: true };
    case "model-slow":
      return random.pick(SLOW)(random);
    default:
      return oddAnswer(random.between(1, 5), { random }, step);
  }
};

const TWO_DAYS_MS = 172_800_000;

/** Some say so at once, and some only after a while. */
const afterAWhile = (random: Random): ScriptedStep =>
  random.chance(0.5) ? {} : { firstTokenDelayMs: random.between(50, 8_000) };

const ERRORS = [
  "MODEL_UNAVAILABLE",
  "MODEL_UNAVAILABLE",
  "MODEL_RESPONSE_INVALID",
  "MODEL_UNAUTHORIZED",
  "MODEL_CONTEXT_OVERFLOW",
] as const;

/** In good time, though slowly; with too long a silence; too long in all. */
const SLOW: readonly [Slowness, ...Slowness[]] = [
  (random) => ({ firstTokenDelayMs: random.between(3_000, 19_000), gapMs: random.between(1_000, 9_000) }),
  (random) => ({ firstTokenDelayMs: 50, gapMs: random.between(17_000, 30_000), deltas: 3 }),
  (random) => ({ firstTokenDelayMs: 50, gapMs: random.between(8_000, 14_000), deltas: 10 }),
];

type Slowness = (random: Random) => ScriptedStep;

const oddAnswer = (which: number, { random }: Pick<Chaos, "random">, step: ScriptedStep): ScriptedStep => {
  switch (which) {
    case 1:
      return { toolCalls: [{ name: "no_such_tool", input: {} }, ...(step.toolCalls ?? [])] };
    case 2:
      return {
        toolCalls: [{ name: random.pick(["pay", "look"]), input: "{ cut" }, ...(step.toolCalls ?? [])],
      };
    case 3:
      return { finish: "length" };
    case 4:
      return { toolCalls: [{ name: "look", input: { n: 1, deep: nested(70) } }] };
    default:
      return { toolCalls: [{ name: "pay", input: { n: "x" } }] };
  }
};

/** Deeper than anything that is kept. */
const nested = (levels: number): JsonValue => (levels === 0 ? 1 : [nested(levels - 1)]);

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
