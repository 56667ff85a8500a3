import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { z } from "zod";
import {
  createRuntime,
  defineAgent,
  defineTool,
  type AgentDefinition,
  type Outcome,
  type Runtime,
} from "holdfast";
import { createInMemoryStore } from "holdfast/stores";
import { createSystemClock } from "../../packages/holdfast/src/runtime/index.ts";
import { asideOf } from "../../packages/holdfast/src/testing/simulation/random.ts";
import { GAP_MS, PRICES, type Provider } from "./provider.ts";

/** One run with a limit, and what came of it: dollars as the provider has them in its own books. */
export type Played = {
  readonly seed: number;
  readonly capUsd: number;
  readonly billedUsd: number;
  /** What the run costs when nothing limits it. */
  readonly trueUsd: number;
  readonly status: Outcome["status"];
  readonly code: string | null;
  readonly abortedStreams: number;
};

export const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export const look = defineTool()({
  name: "look",
  description: "Looks at something of a size.",
  inputSchema: z.object({ n: z.number(), size: z.number() }),
  effect: "read",
  execute: ({ n, size }) => `${n}: ${"seen ".repeat(Math.ceil(size / 5)).slice(0, size)}`,
});

/** Agents by what they do at a limit and how much they may write in one answer. */
const MOST_TOKENS = [400, 1_000, 2_000] as const;
const RULES = ["stop", "degrade"] as const;

const agentsAt = (url: string): readonly AgentDefinition[] => {
  const provider = createOpenAICompatible({ name: "local", baseURL: url, apiKey: "any", includeUsage: true });
  return RULES.flatMap((onLimit) =>
    MOST_TOKENS.map((maxOutputTokens) =>
      defineAgent({
        name: `${onLimit}-${maxOutputTokens}`,
        model: onLimit === "degrade" ? [provider("big"), provider("small")] : provider("big"),
        instructions: "Look at what you are told to look at, one thing at a time, and say what you saw.",
        tools: [look],
        limits: { onLimit, maxCostUsd: 1_000 },
        settings: { maxOutputTokens },
      }),
    ),
  );
};

/** A runtime whose agents ask a provider at this address. */
const openRuntime = (url: string): Promise<Runtime> => {
  const clock = createSystemClock();
  return createRuntime({
    agents: agentsAt(url),
    store: createInMemoryStore({ clock }),
    clock,
    prices: PRICES,
    logger: SILENT,
    modelTimeouts: { firstTokenMs: 2 * GAP_MS, gapMs: GAP_MS },
    modelRetry: { maxAttempts: 4, initialDelayMs: 1, maxDelayMs: 5 },
  });
};

/** Plays a run within a limit; where that ended it, once more without, to know what it would have cost. */
const playRun = async (runtime: Runtime, provider: Provider, seed: number): Promise<Played> => {
  const random = asideOf(seed, "limit");
  // From a quarter of a cent to some thirty cents, small ones as often as large ones.
  const capUsd = Number((0.0025 * 2 ** (random.next() * 7)).toFixed(6));
  const agent = `${random.pick(RULES)}-${random.pick(MOST_TOKENS)}`;
  const outcome = await play(runtime, agent, {
    input: `This is run ${seed}a.`,
    limits: { maxCostUsd: capUsd },
  });
  const { usd: billedUsd, aborted: abortedStreams } = provider.billed(`run ${seed}a`);
  const isDone = outcome.status === "completed";
  if (!isDone) await play(runtime, agent, { input: `This is run ${seed}b.` });
  return {
    seed,
    capUsd,
    billedUsd,
    trueUsd: isDone ? billedUsd : provider.billed(`run ${seed}b`).usd,
    status: outcome.status,
    code: outcome.status === "failed" ? outcome.failure.code : null,
    abortedStreams,
  };
};

type Play = { readonly input: string; readonly limits?: { readonly maxCostUsd: number } };

const play = async (runtime: Runtime, agent: string, { input, ...options }: Play): Promise<Outcome> => {
  const session = await runtime.createSession(agent);
  const run = await session.send(input, options);
  const outcome = await run.outcome({ until: "settled" });
  await runtime.store.erase(session.id);
  return outcome;
};

/** Plays the runs of many seeds, so many at once. */
export const playRuns = async (
  provider: Provider,
  { from, runs, parallel }: { readonly from: number; readonly runs: number; readonly parallel: number },
  onPlayed: (count: number) => void = () => undefined,
): Promise<readonly Played[]> => {
  const runtime = await openRuntime(await provider.open());
  const played: Played[] = [];
  let next = from;
  const work = async (): Promise<void> => {
    while (next < from + runs) {
      const seed = next;
      next += 1;
      played.push(await playRun(runtime, provider, seed));
      onPlayed(played.length);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  await runtime.close();
  await provider.close();
  return played;
};
