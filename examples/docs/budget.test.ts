/** The budget of the documents: it runs out of the dear model and goes on with the cheap one. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createRuntime, defineAgent } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { allowMore, defineCounter, defineInvestigator, open, report, sendTightly } from "./budget.ts";

const temporary = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-budget-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

/** Searches three times with the dear model's tongue, each time at length. */
const thorough = (modelId: string) =>
  scriptedModel(
    ({ messages }) =>
      messages.slice(messages.findLastIndex(({ role }) => role === "user")).length < 6
        ? {
            toolCalls: [{ name: "search_logs", input: { query: `attempt ${messages.length}` } }],
            usage: { inputTokens: 400, outputTokens: 900 },
          }
        : { text: `A disk was full, says ${modelId}.`, usage: { inputTokens: 600, outputTokens: 40 } },
    { provider: "local", modelId },
  );

test("E8 docs/budgets.md: the dear model until it is too much, then the cheap one, within every limit", async () => {
  const agent = defineInvestigator(thorough("dear"), thorough("cheap"));
  const runtime = await open(agent, await temporary());
  const session = await runtime.createSession(agent, { tenant: "acme", user: "ann" });
  const outcome = await (await session.send("Why was the shop down at noon?")).outcome();
  expect(outcome).toMatchObject({ status: "completed", text: "A disk was full, says cheap." });
  const tight = await sendTightly(session, "And at one?");
  expect(tight).toMatchObject({ status: "completed", text: "A disk was full, says cheap." });
  const costs = [outcome, tight].map((each) => ("costUsd" in each ? (each.costUsd ?? 0) : 0));
  expect(costs[0]).toBeLessThanOrEqual(0.05);
  expect(costs[1]).toBeLessThanOrEqual(0.02);
  const lines: string[] = [];
  await report(runtime, (line) => void lines.push(line));
  expect(lines).toEqual([
    expect.stringMatching(/^tenant-month acme \d{4}-\d\d: 0\.\d+ of 200 usd$/),
    expect.stringMatching(/^user-day acme\/ann \d{4}-\d\d-\d\d: \d+ of 500000 tokens$/),
  ]);
  await runtime.close();
});

test("E8 docs/budgets.md: a run is handed to the clerk when the specialist is too much", async () => {
  const agents = defineCounter(thorough("dear"), thorough("cheap"));
  const [specialist] = agents;
  const runtime = await createRuntime({
    agents,
    dataDir: await temporary(),
    prices: {
      "local/dear": { inputPerMTok: 10, outputPerMTok: 15 },
      "local/cheap": { inputPerMTok: 0.25, outputPerMTok: 1 },
    },
  });
  const session = await runtime.createSession(specialist);
  const outcome = await (await session.send("Why was the shop down at noon?")).outcome();
  expect(outcome).toMatchObject({ status: "completed", text: "A disk was full, says cheap." });
  expect("costUsd" in outcome ? outcome.costUsd : null).toBeLessThanOrEqual(0.05);
  expect((await session.snapshot()).agent).toBe("clerk");
  await runtime.close();
});

test("E8 docs/budgets.md: a run that asks goes on when it is given more", async () => {
  const agent = defineAgent({
    name: "asker",
    model: thorough("dear"),
    instructions: "",
    settings: { maxOutputTokens: 1_000 },
    limits: { maxCostUsd: 0.02, onLimit: "ask" },
  });
  const runtime = await open(agent, await temporary());
  const session = await runtime.createSession(agent);
  const run = await session.send("Why?");
  await allowMore(session, await run.outcome());
  expect(await run.outcome({ until: "settled" })).toMatchObject({ status: "completed" });
  await runtime.close();
});
