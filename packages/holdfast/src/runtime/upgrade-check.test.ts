import { describe, expect, it } from "vitest";
import { z } from "zod";
import { scriptedModel } from "../models/index.ts";
import { createTestRuntime } from "../testing/index.ts";
import { within } from "../testing/scenario.fixture.ts";
import type { OnUpgrade } from "../core/upgrade-terms.ts";
import { createRuntime, defineAgent, defineTool, type AgentDefinition } from "./index.ts";

const pay = {
  name: "pay",
  description: "pays",
  inputSchema: z.object({ cents: z.number() }),
  effect: "write",
  execute: (): never => {
    throw new TypeError("the line went dead");
  },
} as const;

const model = scriptedModel(() => ({ toolCalls: [{ name: "pay", input: { cents: 5 } }] }));
const agent = { name: "clerk", instructions: "Work.", model: [model, model] } as const;
const today = defineAgent({ ...agent, tools: [defineTool()(pay)] });

/** A run that waits for what became of its call, and what another definition would change for it. */
const checkWith = async (
  next: AgentDefinition<unknown> | readonly AgentDefinition<unknown>[],
  begins: AgentDefinition = today,
) => {
  const test = await createTestRuntime({ agents: [begins] });
  const session = await test.runtime.createSession(begins);
  const run = await session.send("go");
  expect((await within(test, run.outcome(), 5_000)).status).toBe("suspended");
  const before = await test.store.head(session.id);
  const desk = await createRuntime({
    agents: [next].flat(),
    store: test.store.attach(),
    clock: test.clock,
    isWorker: false,
  });
  const findings = await desk.checkUpgrade();
  expect(await test.store.head(session.id)).toEqual(before);
  await test.close();
  for (const { sessionId, runId, status } of findings)
    expect({ sessionId, runId, status }).toEqual({
      sessionId: session.id,
      runId: run.id,
      status: "suspended",
    });
  return findings.flatMap(({ changes }) => changes);
};

describe("what a new definition would change in open sessions", () => {
  it("S6 is nothing when it is the same, or of another agent", async () => {
    expect(await checkWith(defineAgent({ ...agent, tools: [defineTool()(pay)] }))).toEqual([]);
    expect(await checkWith(defineAgent({ ...agent, name: "other" }))).toEqual([]);
  });

  it("S6 breaks what is under way when the tool of an open call is gone", async () => {
    expect(await checkWith(defineAgent({ ...agent, tools: [] }))).toMatchObject([
      { kind: "tool-gone", breaks: true, message: expect.stringContaining("its tool pay is gone") },
    ]);
  });

  it("S6 breaks what is under way when the arguments of an open call no longer fit", async () => {
    const inputSchema = z.object({ cents: z.number(), currency: z.string() });
    expect(
      await checkWith(defineAgent({ ...agent, tools: [defineTool()({ ...pay, inputSchema })] })),
    ).toMatchObject([{ kind: "input-refused", breaks: true, message: expect.stringContaining("currency") }]);
  });

  it("S6 is said of a tool's rules, which an open call keeps", async () => {
    const tool = defineTool()({ ...pay, effect: "idempotent", timeoutMs: 1_000 });
    expect(await checkWith(defineAgent({ ...agent, tools: [tool] }))).toMatchObject([
      { kind: "tool-rules", breaks: false, message: expect.stringContaining("(write, 30000 ms)") },
    ]);
  });

  it("S6 is said of models, limits and instructions; fewer models may break a run", async () => {
    const tools = [defineTool()(pay)];
    const next = defineAgent({ ...agent, tools, model, instructions: "Work less.", limits: { maxTurns: 3 } });
    expect(await checkWith(next)).toMatchObject([
      { kind: "models", breaks: true },
      { kind: "limits", breaks: false },
      { kind: "instructions", breaks: false },
    ]);
  });

  it("S6 is said of each tool, and of the form of the answer", async () => {
    const more = defineTool()({ ...pay, name: "more" });
    const other = defineTool()({ ...pay, description: "pays somebody" });
    const next = defineAgent({ ...agent, tools: [other, more], output: z.object({ sum: z.number() }) });
    expect(await checkWith(next)).toMatchObject([
      { kind: "tools", breaks: false, message: "Tools differ: more is new, pay is another." },
      { kind: "output", breaks: false },
    ]);
  });

  it("S6 is said in one of all that has no digest of its own", async () => {
    const next = defineAgent({ ...agent, version: "2", tools: [defineTool()(pay)] });
    expect(await checkWith(next)).toMatchObject([{ kind: "definition", breaks: false }]);
  });

  it("S6 breaks a run that is pinned, unless its own definition is there too, and one that asks", async () => {
    const versioned = (version: string, onUpgrade: OnUpgrade) =>
      defineAgent({ ...agent, version, onUpgrade, tools: [defineTool()(pay)] });
    const [one, two] = [versioned("1", "pin"), versioned("2", "pin")];
    expect(await checkWith([two], one)).toMatchObject([
      { kind: "pinned", breaks: true, message: expect.stringContaining("clerk@1") },
    ]);
    expect(await checkWith([one, two], one)).toEqual([]);
    expect(await checkWith([two], versioned("1", "ask"))).toMatchObject([
      { kind: "asks", breaks: true, message: expect.stringContaining("clerk@2") },
      { kind: "definition", breaks: false },
    ]);
  });
});
