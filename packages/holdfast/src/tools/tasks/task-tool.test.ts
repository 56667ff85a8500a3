import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../core/json.ts";
import type { Task } from "../../core/task-list.ts";
import { createTestRuntime } from "../../testing/create-test-runtime.ts";
import { agentOf, recordingModel } from "../../testing/scenario.fixture.ts";
import { taskTool } from "./task-tool.ts";

const FIRST: Task[] = [
  { title: "Find the anchor", status: "doing" },
  { title: "Paint the boat", status: "todo" },
];
const LATER: Task[] = [
  { title: "Find the anchor", status: "blocked", note: "the harbour is closed" },
  { title: "Paint the boat", status: "done" },
];

/** A session whose model keeps the lists it is sent, one an input, and talks of other things for a while after. */
const sessionWith = async (lists: readonly JsonValue[], chatter = 0) => {
  const model = recordingModel(({ lastUserText, toolResults }) => {
    const list = lists[Number(/^List (\d+)/.exec(lastUserText)?.[1] ?? -1)];
    if (list === undefined || toolResults.length > 0) return { text: "Noted." };
    return { toolCalls: [{ name: "update_tasks", input: { tasks: list } }] };
  });
  const agent = agentOf({ model, tools: [taskTool()], limits: { maxWindowChars: 6_000 } });
  const test = await createTestRuntime({ agents: [agent] });
  const session = await test.runtime.createSession(agent);
  const ask = async (text: string) => (await session.send(text)).outcome();
  for (const index of lists.keys()) await ask(`List ${index}`);
  for (let index = 0; index < chatter; index += 1) await ask(`${index} ${"and so on ".repeat(90)}`);
  return { test, session, ask, prompt: () => JSON.stringify(model.requests.at(-1)?.messages) };
};

describe("a task list", () => {
  it("E6 is what the model gave last, for who asks, also in the next process", async () => {
    const { test, session } = await sessionWith([FIRST, LATER]);
    expect(await session.tasks()).toEqual(LATER);
    const next = await test.restart();
    expect(await (await next.runtime.getSession(session.id)).tasks()).toEqual(LATER);
    await next.close();
  });

  it("E6 is told to the model also when its turn has left the window, as it is now", async () => {
    const { test, session, prompt } = await sessionWith([FIRST, LATER], 30);
    expect(prompt()).toContain(
      "Last result of update_tasks: [blocked] Find the anchor | the harbour is closed [done] Paint the boat",
    );
    expect(prompt()).not.toContain("[doing] Find the anchor");
    expect(await session.tasks()).toEqual(LATER);
    await test.close();
  });

  it("E3 stays as it was when what the model gives is no list", async () => {
    const wrong = [[{ title: "", status: "todo" }], [{ title: "x", status: "later" }], "all", [3]];
    const { test, session, prompt } = await sessionWith([FIRST, ...wrong]);
    expect(await session.tasks()).toEqual(FIRST);
    expect(prompt()).toContain("TOOL_INPUT_INVALID");
    await test.close();
  });

  it("J4 is gone when its session is erased, and empty where there was none", async () => {
    const { test, session } = await sessionWith([FIRST]);
    await test.runtime.erase(session.id);
    expect(await session.tasks()).toEqual([]);
    await test.close();
    const none = await sessionWith([], 1);
    expect(await none.session.tasks()).toEqual([]);
    await none.test.close();
  });
});
