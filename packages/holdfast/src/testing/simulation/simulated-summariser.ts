import { scriptedModel, type ScriptedStep } from "../../models/index.ts";
import type { SummaryOptions } from "../../runtime/index.ts";
import type { Random } from "./random.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

/** A world in which a model sums up what leaves the window; null in most. */
export type Summaries = { readonly random: Random } | null;

export const drawSummaries = (random: Random): Summaries => (random.chance(0.25) ? { random } : null);

/** The smallest window in which a model is asked for a summary. */
export const WINDOW_WITH_SUMMARIES = 6_000;

const NAME = { provider: "small", modelId: "small" } as const;

/** Who sums up: it answers well as a rule, and breaks in every way there is. */
export const summariserOn = (
  summaries: Summaries,
  process: SimulatedProcess,
): { readonly summary?: SummaryOptions } => {
  if (summaries === null) return {};
  const { random } = summaries;
  const model = scriptedModel(
    ({ lastUserText }) => (process.isDead ? { hang: true } : stepOf(lastUserText, random)),
    { clock: process.clock, ...NAME },
  );
  return { summary: { model, timeoutMs: 20_000, settings: { maxOutputTokens: 300 } } };
};

const usageBy = (random: Random): ScriptedStep["usage"] =>
  random.chance(0.1) ? null : { inputTokens: random.between(1, 2_000), outputTokens: random.between(1, 400) };

const stepOf = (conversation: string, random: Random): ScriptedStep => {
  const at = /^(\d+): /m.exec(conversation)?.[1] ?? "0";
  const text = [
    "Goals:",
    "- to get it done",
    "Facts:",
    `- [${at}] it began`,
    `- [99999] it went on ${random.between(0, 1_000_000)}`,
    "Done:",
    "- some of it",
  ].join("\n");
  const usual = { text, usage: usageBy(random), deltas: 3, firstTokenDelayMs: random.between(10, 4_000) };
  if (!random.chance(0.35)) return usual;
  return random.pick<ScriptedStep>([
    { ...usual, hang: true },
    { ...usual, cutAfterChars: 5 },
    { ...usual, text: "No." },
    { ...usual, text: "" },
    { ...usual, finish: "length" },
    { ...usual, toolCalls: [{ name: "pay", input: { n: 1 } }] },
    { ...usual, fail: { code: "MODEL_UNAVAILABLE" } },
    { ...usual, fail: { code: "MODEL_CONTEXT_OVERFLOW" } },
    { ...usual, gapMs: 9_000 },
  ]);
};
