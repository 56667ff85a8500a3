/** The examples of the document, with a tool that tells more than the window holds. */
import { expect, test } from "vitest";
import { z } from "zod";
import { defineTool } from "holdfast";
import type { JsonValue } from "holdfast/core";
import { createTestRuntime, scriptedModel } from "holdfast/testing";
import { definePlanner, defineReader, defineSummed } from "./working-memory.ts";

const openClaim = defineTool()({
  name: "open_claim",
  description: "Opens a claim.",
  inputSchema: z.object({ number: z.number() }),
  effect: "read",
  execute: async ({ number }) =>
    `Claim ${number} is of policy P-${number}7. ${"It goes on and on. ".repeat(700)}`,
});

test("a session of more than its window is made shorter, and what is left out is found again", async () => {
  let largest = 0;
  const seen: string[] = [];
  const model = scriptedModel(({ messages, lastUserText, toolResults }) => {
    largest = Math.max(largest, JSON.stringify(messages).length);
    seen.push(JSON.stringify(messages));
    const [result] = toolResults;
    if (result?.toolName === "recall_history")
      return { text: /P-\d+/.exec(JSON.stringify(result.output.value))?.[0] ?? "?" };
    if (result !== undefined) return { text: "Done." };
    if (lastUserText.startsWith("Which"))
      return { toolCalls: [{ name: "recall_history", input: { query: "claim 3 policy" } }] };
    return { toolCalls: [{ name: "open_claim", input: { number: Number(lastUserText.split(" ").at(-1)) } }] };
  });
  const clerk = defineReader(model, [openClaim] as never);
  const test = await createTestRuntime({ agents: [clerk] });
  const session = await test.runtime.createSession(clerk);
  for (let number = 1; number <= 20; number += 1)
    await (await session.send(`Work on claim ${number}`)).outcome();
  const outcome = await (await session.send("Which policy was the third claim of?")).outcome();
  expect(outcome).toMatchObject({ status: "completed", text: "P-37" });
  expect(largest).toBeLessThan(150_000);
  expect(seen.at(-1)).toMatch(/Shortened: 300 of 1\d+ characters are left/);
  await test.close();
});

test("a small model sums up what is left out, and names where it stands", async () => {
  const prompts: string[] = [];
  const model = scriptedModel(({ messages, lastUserText, toolResults }) => {
    prompts.push(JSON.stringify(messages));
    if (toolResults.length > 0) return { text: "Done." };
    return { toolCalls: [{ name: "open_claim", input: { number: Number(lastUserText.split(" ").at(-1)) } }] };
  });
  const small = scriptedModel(({ lastUserText }) => {
    const [, at = ""] =
      /^(\d+): Result of open_claim: Claim 1 /m.exec(lastUserText) ??
      /^> - \[(\d+)\] claim 1 /m.exec(lastUserText) ??
      [];
    return { text: `Goals:\n- to work through the claims\nFacts:\n- [${at}] claim 1 is of policy P-17` };
  });
  const clerk = defineSummed({ model, small }, [openClaim] as never);
  const runtimeTest = await createTestRuntime({ agents: [clerk] });
  const session = await runtimeTest.runtime.createSession(clerk);
  for (let number = 1; number <= 20; number += 1)
    await (await session.send(`${"Take care. ".repeat(500)}Work on claim ${number}`)).outcome();
  expect(prompts.at(-1)).toMatch(/> - \[\d+\] claim 1 is of policy P-17/);
  await runtimeTest.close();
});

test("the list that an agent keeps is what its session answers", async () => {
  const tasks: JsonValue = [
    { title: "Read claim 7", status: "done" },
    { title: "Pay it", status: "blocked", note: "no account" },
  ];
  const model = scriptedModel([
    { toolCalls: [{ name: "update_tasks", input: { tasks } }] },
    { text: "I am stuck." },
  ]);
  const clerk = definePlanner(model, []);
  const runtimeTest = await createTestRuntime({ agents: [clerk] });
  const session = await runtimeTest.runtime.createSession(clerk);
  await (await session.send("Work on claim 7.")).outcome();
  expect(await session.tasks()).toEqual(tasks);
  await runtimeTest.close();
});
