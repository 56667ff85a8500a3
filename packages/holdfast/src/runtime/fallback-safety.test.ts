import { describe, expect, it } from "vitest";
import { createTestRuntime, type TestRuntimeOptions } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  makeDoor,
  recordingModel,
  toolOf,
  typesOf,
  within,
} from "../testing/scenario.fixture.ts";
import { ToolError } from "../core/errors.ts";
import type { DefinedTool, Interceptor } from "./index.ts";

const away = (): never => {
  throw new ToolError("The bank is away.", { executed: false });
};

/** An agent that calls the tool it is told to, once. */
const askOnce = () =>
  recordingModel(({ toolResults, lastUserText: name }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name, input: { of: "a" } }] },
  );

const start = async (tools: readonly DefinedTool[], options: Partial<TestRuntimeOptions> = {}) => {
  const model = askOnce();
  const test = await createTestRuntime({ agents: [agentOf({ model, tools })], ...options });
  const send = async (name: string) => {
    const session = await test.runtime.createSession("clerk");
    return { session, run: await session.send(name) };
  };
  return { test, model, send };
};

/** `main`, which is away, and `mirror` in its place. */
const twoTools = (more: { readonly main?: object; readonly mirror?: object } = {}) => {
  const entered: string[] = [];
  const main = toolOf({
    name: "main",
    effect: "read",
    fallback: { tool: "mirror" },
    execute: away,
    ...more.main,
  });
  const mirror = toolOf({
    name: "mirror",
    effect: "read",
    execute: () => {
      entered.push("mirror");
      return "mirrored";
    },
    ...more.mirror,
  });
  return { entered, tools: [main, mirror] };
};

const CIRCUIT = { minFailures: 1, share: 0.1, windowMs: 60_000, openMs: 60_000, maxOpenMs: 600_000 };

describe("what takes the place of a tool", () => {
  it.each<[string, Interceptor["before"]]>([
    ["refuses", () => ({ deny: "Nobody reads the mirror." })],
    ["changes", () => ({ input: { of: "something else" } })],
    ["answers", () => ({ output: "something else" })],
    ["breaks on", () => Promise.reject(new TypeError("its database is away"))],
  ])("E4 is not called where an interceptor %s it", async (_, before = () => undefined) => {
    const { entered, tools } = twoTools();
    const interceptors = [{ name: "guard", tools: ["mirror"], before }];
    const { test, model, send } = await start(tools, { interceptors });
    await within(test, (await send("main")).run.outcome(), 10_000);
    expect(entered).toEqual([]);
    expect(JSON.stringify(model.requests.at(-1)?.messages)).toContain("The bank is away.");
    await test.close();
  });

  it("E4 is called where an interceptor leaves it as it is", async () => {
    const { entered, tools } = twoTools();
    const before: Interceptor["before"] = ({ input }) => ({ input });
    const { test, send } = await start(tools, { interceptors: [{ name: "copy", before }] });
    await within(test, (await send("main")).run.outcome(), 10_000);
    expect(entered).toEqual(["mirror"]);
    await test.close();
  });

  it("E2 is called where a circuit opened while the read was lost with its process", async () => {
    const door = makeDoor();
    const { entered, tools } = twoTools({
      main: {
        circuit: CIRCUIT,
        timeoutMs: 600_000,
        execute: (_input: unknown, { session }: { session: { user: string | null } }) =>
          session.user === "slow" ? door.opened : away(),
      },
    });
    const { test, send } = await start(tools);
    const slow = await test.runtime.createSession("clerk", { user: "slow" });
    const run = await slow.send("main");
    await test.advanceTime(100);
    await within(test, (await send("main")).run.outcome(), 10_000);
    const next = await test.restart();
    const outcome = (await next.runtime.getRun(run.id)).outcome();
    expect(await within(next, outcome, 10_000)).toMatchObject({ status: "completed" });
    expect(entered).toEqual(["mirror", "mirror"]);
    await next.close();
  });

  it("E2 is not called where the first had done its half before it suspended itself", async () => {
    const { entered, tools } = twoTools({
      main: {
        effect: "write",
        execute: (
          _: unknown,
          { resume, suspend }: { resume: unknown; suspend: (wait: object) => unknown },
        ) => (resume === null ? suspend({ signal: "paid", timeoutMs: 10_000 }) : away()),
      },
      mirror: { effect: "write" },
    });
    const { test, send } = await start(tools);
    const { session } = await send("main");
    await test.advanceTime(60_000);
    expect(typesOf(await journalOf(test, session.id))).toContain("tool-call.resumed");
    expect(entered).toEqual([]);
    await test.close();
  });

  /** Somebody else is in the only place that there is, for as long as the test wants. */
  const crowded = (limits: object) => {
    const door = makeDoor();
    const execute = () => door.opened;
    const hold = toolOf({
      name: "hold",
      effect: "read",
      limits: { name: "line", maxConcurrent: 1, ...limits },
      timeoutMs: 3_600_000,
      execute,
    });
    return { hold, door };
  };

  it("E7 waits for its turn no longer than is said, also where the first was tried", async () => {
    const limits = { maxWaitMs: 20_000 };
    const { hold, door } = crowded(limits);
    const line = { name: "line", maxConcurrent: 1, ...limits };
    const { entered, tools } = twoTools({
      main: { effect: "write" },
      mirror: { effect: "write", limits: line },
    });
    const { test, send } = await start([hold, ...tools]);
    await send("hold");
    await test.advanceTime(100);
    const { session, run } = await send("main");
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({ status: "completed" });
    const failed = headersOf(await journalOf(test, session.id), "tool-call.failed");
    expect(failed.map(({ code }) => code)).toEqual(["TOOL_FAILED", "TOOL_BUSY"]);
    expect(entered).toEqual([]);
    door.open();
    await test.advanceTime(1_000);
    await test.close();
  });

  it("E7 is held back by its own circuit, also where the first was tried", async () => {
    const { entered, tools } = twoTools({
      main: { effect: "write" },
      mirror: { effect: "write", circuit: { ...CIRCUIT, name: "mirror" } },
    });
    const ask = toolOf({
      name: "ask",
      effect: "read",
      circuit: { ...CIRCUIT, name: "mirror" },
      execute: away,
    });
    const { test, send } = await start([ask, ...tools]);
    await within(test, (await send("ask")).run.outcome(), 10_000);
    const { session, run } = await send("main");
    await within(test, run.outcome(), 10_000);
    const failed = headersOf(await journalOf(test, session.id), "tool-call.failed");
    expect(failed.map(({ code }) => code)).toEqual(["TOOL_FAILED", "TOOL_UNAVAILABLE"]);
    expect(entered).toEqual([]);
    await test.close();
  });

  it.each(["main", "mirror"])(
    "E4 E7 is asked about where its call of %s was put off, and a new definition asks",
    async (called) => {
      const { hold, door } = crowded({});
      const limits = { name: "line", maxConcurrent: 1 };
      const toolsOf = (needsApproval: boolean) => {
        const more = needsApproval ? { needsApproval } : {};
        const { entered, tools } = twoTools({ mirror: { limits, ...more } });
        return { entered, tools: [hold, ...tools] };
      };
      const before = toolsOf(false);
      const { test, send } = await start(before.tools);
      await send("hold");
      await test.advanceTime(100);
      const { session, run } = await send(called);
      await test.advanceTime(6_000);
      expect(typesOf(await journalOf(test, session.id))).toContain("tool-call.deferred");
      const after = toolsOf(true);
      const next = await test.restart({ agents: [agentOf({ model: askOnce(), tools: after.tools })] });
      door.open();
      await next.advanceTime(60_000);
      expect([before.entered, after.entered]).toEqual([[], []]);
      const again = await next.runtime.getSession(session.id);
      const [asked] = await again.pending();
      expect(asked).toMatchObject({ kind: "approval", tool: "mirror" });
      if (asked?.kind !== "approval") throw new TypeError("nothing was asked");
      await again.decide(asked.approvalId, { verdict: "approve" });
      const outcome = (await next.runtime.getRun(run.id)).outcome();
      expect(await within(next, outcome, 60_000)).toMatchObject({ status: "completed" });
      expect(after.entered).toEqual(["mirror"]);
      await next.close();
    },
  );

  it("E8 is not asked for without end: a run that goes round in circles is ended, also where nothing is called", async () => {
    const { tools } = twoTools({ main: { fallback: undefined, circuit: CIRCUIT } });
    const model = recordingModel(() => ({ toolCalls: [{ name: "main", input: {} }] }));
    const agent = agentOf({ model, tools: [tools[0] as DefinedTool], limits: { maxRepeats: 4 } });
    const test = await createTestRuntime({ agents: [agent] });
    const session = await test.runtime.createSession(agent);
    const outcome = await within(test, (await session.send("go")).outcome(), 10_000);
    expect(outcome).toMatchObject({ status: "failed", failure: { code: "RUN_LOOPING" } });
    expect(JSON.stringify(model.requests.at(-1)?.messages)).toContain("4 times in a row");
    await test.close();
  });
});
