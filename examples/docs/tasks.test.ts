/** The example of the document: the list is there for whoever asks. */
import { expect, test } from "vitest";
import type { JsonValue } from "holdfast/core";
import { createTestRuntime, scriptedModel } from "holdfast/testing";
import { defineClerk } from "./tasks.ts";

test("the list that an agent keeps is what its session answers", async () => {
  const tasks: JsonValue = [
    { title: "Read claim 7", status: "done" },
    { title: "Pay it", status: "blocked", note: "no account" },
  ];
  const model = scriptedModel([
    { toolCalls: [{ name: "update_tasks", input: { tasks } }] },
    { text: "I am stuck." },
  ]);
  const clerk = defineClerk(model, []);
  const runtimeTest = await createTestRuntime({ agents: [clerk] });
  const session = await runtimeTest.runtime.createSession(clerk);
  await (await session.send("Work on claim 7.")).outcome();
  expect(await session.tasks()).toEqual(tasks);
  await runtimeTest.close();
});
