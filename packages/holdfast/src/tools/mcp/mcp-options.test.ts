import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createTestRuntime } from "../../testing/index.ts";
import { agentOf, headersOf, journalOf, recordingModel } from "../../testing/scenario.fixture.ts";
import { temporary, testServer, toolsOf } from "./mcp-tools.fixture.ts";
import type { McpOptions } from "./mcp-options.ts";

const SOON = { timeout: 30_000 };

type Calling = { readonly name: string; readonly input?: { readonly [name: string]: number } };

/** An agent whose model calls one tool of the test server, in a time that the test holds in its hands. */
const call = async ({ name, input = {} }: Calling, options: Partial<McpOptions>) => {
  const folder = await temporary();
  const notes = join(folder, "notes");
  const server = testServer();
  const { tools } = await toolsOf({ ...server, env: { ...server.env, NOTES: notes } }, options);
  const model = recordingModel(({ toolResults }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: `test_${name}`, input }] },
  );
  const agent = agentOf({ model, tools });
  const world = await createTestRuntime({ agents: [agent], dataDir: join(folder, "data") });
  onTestFinished(() => world.close());
  const session = await world.runtime.createSession(agent);
  const run = await session.send("go");
  const failures = async () => headersOf(await journalOf(world, session.id), "tool-call.failed");
  return { world, run, model, failures, notes: () => readFile(notes, "utf8").catch(() => "") };
};

it("E6 an attempt may take no longer than timeoutMs, and its server is told that it is over", async () => {
  const options = { timeoutMs: 1_000, effect: { wait: "read" } } as const;
  const { world, failures, notes } = await call({ name: "wait" }, options);
  await expect.poll(notes, SOON).toBe("waiting\n");
  await world.advanceTime(999);
  expect(await failures()).toEqual([]);
  await world.advanceTime(1);
  await expect.poll(failures, SOON).toMatchObject([{ code: "TOOL_TIMEOUT" }]);
  await expect.poll(notes, SOON).toBe("waiting\nstopped\n");
});

it("the model is shown no more of a result than maxOutputChars", async () => {
  const { run, model } = await call({ name: "long", input: { chars: 500 } }, { maxOutputChars: 50 });
  await run.outcome();
  const told = JSON.stringify(model.requests.at(-1)?.messages);
  expect(told).toContain("[Cut at 50 of 500 characters.");
  expect(told).not.toContain("x".repeat(51));
});

it.each<[string, Partial<McpOptions>]>([
  ["timeoutMs", { timeoutMs: 0 }],
  ["maxOutputChars", { maxOutputChars: 0.5 }],
  ["elicitation", { elicitation: "ask" as "decline" }],
])("%s that cannot be used is refused", async (_, options) => {
  await expect(toolsOf(testServer(), options)).rejects.toMatchObject({ code: "OPTION_INVALID" });
});
