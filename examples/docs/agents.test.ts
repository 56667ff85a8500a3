/** The agents of the documents: one asks another, and pays for it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { scriptedModel } from "holdfast/testing";
import { defineDesk, defineLead, open } from "./agents.ts";

const temporary = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-agents-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

test("docs/agents.md: the log reader has a session of its own, and its cost is the lead's", async () => {
  const usage = { inputTokens: 1_000, outputTokens: 100 };
  const reader = scriptedModel(
    ({ toolResults }) =>
      toolResults.length === 0
        ? { toolCalls: [{ name: "search_logs", input: { query: "shop" } }], usage }
        : { text: "The disk was full at noon.", usage },
    { provider: "local", modelId: "reader" },
  );
  const lead = scriptedModel(
    ({ toolResults }) =>
      toolResults.length === 0
        ? { toolCalls: [{ name: "log-reader", input: { message: "The shop, at noon: why down?" } }], usage }
        : { text: `I was told: ${JSON.stringify(toolResults[0]?.output.value)}`, usage },
    { provider: "local", modelId: "lead" },
  );
  const agent = defineLead({ lead, reader });
  const runtime = await open(agent, await temporary());
  const session = await runtime.createSession(agent, { tenant: "acme" });
  const outcome = await (await session.send("Why was the shop down?")).outcome();
  expect(outcome).toMatchObject({ status: "completed", text: 'I was told: "The disk was full at noon."' });
  // Twice 3 + 1.5 thousandths of a dollar for the lead, twice 1 + 0.5 for the reader.
  expect(outcome.status === "completed" && outcome.costUsd).toBeCloseTo(0.012, 9);
  const { sessions } = await runtime.listSessions({ agent: "log-reader" });
  expect(sessions).toMatchObject([{ status: "completed", tenant: "acme" }]);
  await runtime.close();
});

test("docs/agents.md: the refund clerk goes on where the front desk stopped, and has the session from then on", async () => {
  const desk = scriptedModel(() => ({
    toolCalls: [{ name: "hand_over_to_refund-clerk", input: { message: "They want their money back." } }],
  }));
  const refunds = scriptedModel(({ messages }) => ({ text: `I have read ${messages.length} messages.` }));
  const agent = defineDesk({ desk, refunds });
  const runtime = await open(agent, await temporary());
  const session = await runtime.createSession(agent);
  const first = await (await session.send("It is broken. I want my money back.")).outcome();
  expect(first).toMatchObject({ status: "completed", text: "I have read 3 messages." });
  const second = await (await session.send("When?")).outcome();
  expect(second).toMatchObject({ status: "completed", text: "I have read 5 messages." });
  await runtime.close();
});
