import { describe, expect, it } from "vitest";
import type { ToolResource } from "../ports/tool-resource.ts";
import { createTestRuntime, type TestRuntimeOptions } from "../testing/index.ts";
import {
  agentOf,
  keepingLogger,
  makeDoor,
  recordingModel,
  toolOf,
  within,
} from "../testing/scenario.fixture.ts";
import { defineTool, type AgentDefinition } from "./index.ts";

/** A pool of lines, one for each session that has asked for one. */
const linesOf = (more: Partial<ToolResource> = {}) => {
  const open = new Set<string>();
  const told: string[] = [];
  const resource: ToolResource = {
    name: "lines",
    held: () => ({ lines: open.size }),
    rest: async (sessionId) => {
      told.push(`rest ${sessionId}`);
      open.delete(sessionId);
    },
    close: async () => {
      told.push("close");
      open.clear();
    },
    ...more,
  };
  const call = toolOf({
    name: "call",
    effect: "read",
    execute: (_, { session }) => {
      open.add(session.id);
      return "called";
    },
    resource,
  });
  return { open, told, resource, call };
};

const start = async (agents: readonly AgentDefinition[], options: Partial<TestRuntimeOptions> = {}) => {
  const test = await createTestRuntime({ agents, ...options });
  const [agent] = agents;
  if (agent === undefined) throw new TypeError("nobody is there");
  return { test, session: await test.runtime.createSession(agent) };
};

const using = (name = "call") =>
  recordingModel(({ toolResults }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name }] },
  );

describe("what a tool holds open", () => {
  it("S3 is let go of for a session that comes to rest, and for no other", async () => {
    const { open, told, call } = linesOf();
    const door = makeDoor();
    const wait = toolOf({ name: "wait", effect: "read", timeoutMs: 600_000, execute: () => door.opened });
    const model = recordingModel(({ toolResults, lastUserText }) => {
      if (toolResults.length === 0) return { toolCalls: [{ name: "call" }] };
      return lastUserText === "stay" && toolResults.length === 1
        ? { toolCalls: [{ name: "wait" }] }
        : { text: "done" };
    });
    const agent = agentOf({ model, tools: [call, wait] });
    const { test, session } = await start([agent]);
    const other = await test.runtime.createSession(agent);
    const staying = await other.send("stay");
    await within(test, (await session.send("go")).outcome(), 10_000);
    await test.clock.settle();
    expect(told).toEqual([`rest ${session.id}`]);
    expect([...open]).toEqual([other.id]);
    door.open();
    await within(test, staying.outcome(), 10_000);
    await test.close();
    expect(told).toEqual([`rest ${session.id}`, `rest ${other.id}`, "close"]);
  });

  it("S3 is let go of when its session is suspended, and opened again when that goes on", async () => {
    const { open, call } = linesOf();
    const pay = toolOf({ name: "pay", effect: "write", needsApproval: true, execute: () => "paid" });
    const model = recordingModel([
      { toolCalls: [{ name: "call" }] },
      { toolCalls: [{ name: "pay" }] },
      { toolCalls: [{ name: "call" }] },
      { text: "done" },
    ]);
    const { test, session } = await start([agentOf({ model, tools: [call, pay] })]);
    const run = await session.send("go");
    expect(await within(test, run.outcome(), 10_000)).toMatchObject({ status: "suspended" });
    await test.clock.settle();
    expect(open.size).toBe(0);
    const [asked] = await session.pending();
    if (asked?.kind !== "approval") throw new TypeError("nothing was asked");
    await session.decide(asked.approvalId, { verdict: "approve" });
    expect(await within(test, run.outcome({ until: "settled" }), 10_000)).toMatchObject({ text: "done" });
    await test.close();
  });

  it("is closed once, however many tools and agents share it", async () => {
    const { told, resource, call } = linesOf();
    const more = toolOf({ name: "more", effect: "read", execute: () => "more", resource });
    const one = agentOf({ name: "one", model: using(), tools: [call, more] });
    const two = agentOf({ name: "two", model: using(), tools: [call] });
    const { test } = await start([one, two]);
    await test.close();
    expect(told).toEqual(["close"]);
  });

  it("S1 does not keep a session or the runtime from going on when it fails or hangs", async () => {
    const logger = keepingLogger();
    const { call } = linesOf({
      rest: () => {
        throw new TypeError("the line is dead");
      },
      close: () => new Promise(() => undefined),
    });
    const { test, session } = await start([agentOf({ model: using(), tools: [call] })], { logger });
    expect(await within(test, (await session.send("go")).outcome(), 10_000)).toMatchObject({ text: "done" });
    expect(await within(test, (await session.send("on")).outcome(), 10_000)).toMatchObject({ text: "done" });
    const closing = test.runtime.close();
    await test.advanceTime(6_000);
    await closing;
    const warned = logger.lines.filter(({ level }) => level === "warn").map(({ message }) => message);
    expect(warned).toContain("lines could not let go of a session.");
    expect(warned).toContain("lines was not closed within 5000 ms.");
  });

  it("is refused for an isolated tool, which runs elsewhere", () => {
    expect(() =>
      defineTool()({
        name: "apart",
        description: "apart",
        inputSchema: { type: "object" },
        effect: "read",
        isolated: { module: import.meta.url },
        resource: linesOf().resource,
        execute: () => "x",
      }),
    ).toThrow(/has no "resource" here/);
  });
});
