/**
 * A process with sessions of a tenant: `tenant-worker.ts <data directory> <provider> <first run> <runs>`. Says on standard output
 * how its runs ended, as JSON.
 */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { createRuntime, defineAgent } from "holdfast";
import { look, SILENT } from "./play-run.ts";
import { GAP_MS, PRICES } from "./provider.ts";
import { TENANT_BUDGET } from "./tenant-budget.ts";

const [, , dataDir = "", baseURL = "", from = "1", runs = "1"] = process.argv;

const model = createOpenAICompatible({ name: "local", baseURL, apiKey: "any", includeUsage: true })("big");
const agent = defineAgent({
  name: "clerk",
  model,
  instructions: "Look at what you are told to look at, one thing at a time, and say what you saw.",
  tools: [look],
  settings: { maxOutputTokens: 500 },
});
const runtime = await createRuntime({
  agents: [agent],
  dataDir,
  prices: PRICES,
  budgets: [TENANT_BUDGET],
  logger: SILENT,
  modelTimeouts: { firstTokenMs: 2 * GAP_MS, gapMs: GAP_MS },
  modelRetry: { maxAttempts: 4, initialDelayMs: 1, maxDelayMs: 5 },
});

const one = async (seed: number): Promise<string> => {
  const session = await runtime.createSession(agent, { tenant: "acme" });
  const run = await session.send(`This is run ${seed}.`);
  const outcome = await run.outcome({ until: "settled" });
  return outcome.status === "failed" ? outcome.failure.code : outcome.status;
};

const seeds = Array.from({ length: Number(runs) }, (_, index) => Number(from) + index);
const ends = await Promise.all(seeds.map(one));
const accounts = await runtime.budgets();
await runtime.close();
process.stdout.write(JSON.stringify({ ends, accounts }));
