/** What is known after a run, with a real database and a real clock. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineAgent } from "holdfast";
import { createSqliteMemory } from "holdfast/stores";
import { scriptedModel } from "holdfast/testing";
import { expect, onTestFinished, test, vi } from "vitest";
import { openRemembering } from "./extraction.ts";

const USAGE = { inputTokens: 100, outputTokens: 10 };

test("what the user said of himself is known after the run, and where he said it", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-docs-"));
  const memory = await createSqliteMemory({ dataDir });
  onTestFinished(async () => {
    await memory.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  const smallModel = scriptedModel(({ lastUserText }) => {
    const said = lastUserText.split("\n").find((line) => line.includes("allergic"));
    const { at } = JSON.parse(said ?? "{}") as { readonly at: number };
    const memories = [
      {
        do: "add",
        id: null,
        kind: "fact",
        subject: "allergies",
        text: "Ann is allergic to nuts",
        evidence: [at],
      },
    ];
    return { text: JSON.stringify({ memories }), usage: USAGE };
  });
  const assistant = defineAgent({
    name: "assistant",
    model: scriptedModel([{ text: "Noted: no nuts." }]),
    instructions: "Help.",
  });
  const runtime = await openRemembering({ agents: [assistant], dataDir, memory, smallModel });
  onTestFinished(() => runtime.close());
  const session = await runtime.createSession(assistant, { tenant: "acme", user: "ann" });
  const run = await session.send("I am Ann, and I am allergic to nuts.");
  expect(await run.output()).toBe("Noted: no nuts.");
  const known = () => memory.list({ reader: { operatorOf: "acme" }, limit: 9 });
  await vi.waitFor(async () => expect((await known()).records).toHaveLength(1), { timeout: 20_000 });
  expect((await known()).records).toMatchObject([
    { text: "Ann is allergic to nuts", trust: "trusted", source: { sessionId: session.id } },
  ]);
});
