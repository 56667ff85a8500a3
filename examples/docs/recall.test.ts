/** What an agent is told of a real memory without asking for it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRuntime } from "holdfast";
import { createSqliteMemory } from "holdfast/stores";
import { scriptedModel } from "holdfast/testing";
import { expect, onTestFinished, test } from "vitest";
import { defineInformed } from "./recall.ts";

test("a run is told what is known of its input, and what is pinned", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-docs-"));
  const memory = await createSqliteMemory({ dataDir });
  onTestFinished(async () => {
    await memory.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  const ann = { tenant: "acme", user: "ann", agent: null, session: null };
  const known = { scope: { ...ann, namespace: "" }, origin: "user" } as const;
  await memory.write({
    by: ann,
    key: null,
    now: 1,
    changes: [
      { do: "add", memory: { ...known, kind: "fact", text: "Ann is allergic to nuts" } },
      { do: "add", memory: { ...known, kind: "fact", text: "Ann drives a bus" } },
      { do: "add", memory: { ...known, kind: "preference", text: "Ann wants short answers" } },
    ],
  });
  const model = scriptedModel(({ messages }) => ({ text: JSON.stringify(messages) }));
  const agent = defineInformed(model);
  const runtime = await createRuntime({ agents: [agent], dataDir, memory });
  onTestFinished(() => runtime.close());
  const session = await runtime.createSession(agent, { tenant: "acme", user: "ann" });
  const prompt = await (await session.send("May I have the cake with the nuts?")).output();
  expect(prompt).toContain("Ann is allergic to nuts");
  expect(prompt).toContain("Ann wants short answers");
  expect(prompt).not.toContain("bus");
});
