/** What a model is told beside what the user says. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRuntime, defineAgent } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { expect, onTestFinished, test } from "vitest";
import { sendWithAttributes } from "./runs.ts";

test("a model is told the prompt attributes of an input, and not the attributes of its session", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-docs-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const model = scriptedModel(({ messages }) => ({ text: JSON.stringify(messages) }));
  const agent = defineAgent({ name: "desk", instructions: "Help.", model });
  const runtime = await createRuntime({ agents: [agent], dataDir });
  onTestFinished(() => runtime.close());
  const session = await runtime.createSession(agent, { attributes: { customer: "c-4711" } });
  const prompt = await (await sendWithAttributes(session)).output();
  expect(prompt).toContain(String.raw`{\"timezone\":\"Europe/Rome\",\"plan\":\"gold\"}`);
  expect(prompt).not.toContain("c-4711");
});
