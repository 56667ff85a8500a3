import type { Message } from "../../core/message.ts";
import type { ScriptedStep } from "../../models/index.ts";
import type { Model } from "../../ports/model.ts";
import type { BudgetLimits, BudgetOptions, Session } from "../../runtime/index.ts";
import type { Wait } from "../../core/wait.ts";
import type { Random } from "./random.ts";
import { MODEL_PRICES } from "./simulated-prices.ts";

/** Worlds in which runs are held against limits, and what is drawn for them. */
export type SimulatedBudget = {
  readonly limits: BudgetLimits;
  readonly shared: readonly BudgetOptions[];
  readonly random: Random;
  /** Sessions in which the model makes the same call again and again. */
  readonly stuck: Set<string>;
  /** What the last request to a model asks it to write at most. */
  most: number | null;
};

/** The most that an answer may be, in these worlds. */
export const MOST_TOKENS = 500;

/** Nothing in most worlds, so that they stay as they are. */
export const drawBudget = (random: Random): SimulatedBudget | null => {
  if (!random.chance(0.35)) return null;
  const onLimit = random.pick(["stop", "degrade", "ask"] as const);
  const limits: BudgetLimits = {
    maxRepeats: random.pick([2, 3, 10]),
    onLimit,
    ...(random.chance(0.6) ? { maxCostUsd: random.pick([0.012, 0.02, 0.04, 0.2]) } : {}),
    ...(random.chance(0.3) ? { maxTokens: random.pick([1_500, 4_000, 9_000]) } : {}),
    ...(random.chance(0.3) ? { maxToolCalls: random.pick([2, 5, 9]) } : {}),
  };
  const shared: BudgetOptions = {
    name: "purse",
    scope: random.pick(["tenant", "user", "session"] as const),
    onLimit: random.pick(["stop", "degrade", "ask"] as const),
    period: random.pick(["total", "total", "day"] as const),
    ...(random.chance(0.5)
      ? { maxCostUsd: random.pick([0.02, 0.05, 0.15]) }
      : { maxTokens: random.pick([3_000, 9_000, 30_000]) }),
  };
  return { limits, shared: random.chance(0.7) ? [shared] : [], random, stuck: new Set(), most: null };
};

/** What models cost: in worlds with limits in money all of them have a price. */
export const pricesIn = (budget: SimulatedBudget | null): typeof MODEL_PRICES & Partial<typeof SECOND> =>
  budget === null ? MODEL_PRICES : { ...MODEL_PRICES, ...SECOND };

const SECOND = {
  "second/second": { inputPerMTok: 0.5, outputPerMTok: 2 },
  "small/small": { inputPerMTok: 0.1, outputPerMTok: 0.4 },
} as const;

/** A model that hears how much it may write. */
export const hearing = (budget: SimulatedBudget | null, model: Model): Model =>
  budget === null
    ? model
    : {
        ...model,
        provider: model.provider,
        modelId: model.modelId,
        call: (request) => {
          budget.most = request.settings.maxOutputTokens ?? null;
          return model.call(request);
        },
      };

/** In a session in which it is stuck, the model makes this call, which is refused in the same words each time. */
const AGAIN = [{ name: "pay", input: { n: "again" } }] as const;

/** The same step, written by a model that counts as providers do, and is stuck now and then. */
export const counted = (
  budget: SimulatedBudget | null,
  step: ScriptedStep,
  { sessionId, messages }: { readonly sessionId: string; readonly messages: readonly Message[] },
): ScriptedStep => {
  if (budget === null) return step;
  const { random, stuck, most } = budget;
  if (random.chance(0.25)) stuck.delete(sessionId);
  else if (random.chance(0.08)) stuck.add(sessionId);
  const isStuck = stuck.has(sessionId) && step.toolCalls !== undefined;
  const said = isStuck ? { ...step, toolCalls: AGAIN } : step;
  if (said.usage === null || said.usage === undefined) return said;
  const { inputTokens = 0, outputTokens = 0 } = said.usage;
  const prompt = Math.ceil(JSON.stringify(messages).length / 5);
  const usage = {
    // Now and then it counts more than anybody would think.
    inputTokens: random.chance(0.03) ? inputTokens * 3 : Math.min(inputTokens, prompt),
    outputTokens: Math.min(outputTokens, most ?? outputTokens),
  };
  const isCut = most !== null && outputTokens > most && said.toolCalls === undefined;
  return { ...said, usage, ...(isCut ? { finish: "length" as const } : {}) };
};

/** Somebody is asked for more, and gives it, or not yet, or says that it is enough. */
export const giveMore = async (
  budget: SimulatedBudget | null,
  session: Session,
  wait: Extract<Wait, { readonly kind: "budget" | "budget-period" }>,
): Promise<void> => {
  if (budget === null) return;
  const { random } = budget;
  if (random.chance(0.2)) return;
  if (random.chance(0.2)) {
    await session.cancel("enough");
    return;
  }
  await session.raiseBudget(
    wait.unit === "usd"
      ? { addCostUsd: random.pick([0.0001, 0.02, 0.05]) }
      : { addTokens: random.pick([1, 2_000, 5_000]) },
  );
};
