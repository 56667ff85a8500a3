import { describe, expect, it } from "vitest";
import { createTestRuntime, type TestRuntimeOptions } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  keepingLogger,
  makeDoor,
  recordingModel,
  toolOf,
  typesOf,
  within,
} from "../testing/scenario.fixture.ts";
import { ToolError } from "../core/errors.ts";
import { type CallLimitOptions, type DefinedTool } from "./index.ts";

/** A system that is asked by many, and notes how many at once and when. */
const bankOf = (limits: CallLimitOptions, name = "bank") => {
  const bank = { inside: 0, most: 0, entered: 0, doors: [] as (() => void)[], isOpen: false };
  const tool = toolOf({
    name,
    effect: "read",
    limits,
    timeoutMs: 600_000,
    execute: async () => {
      bank.entered += 1;
      bank.inside += 1;
      bank.most = Math.max(bank.most, bank.inside);
      const door = makeDoor();
      bank.doors.push(door.open);
      if (!bank.isOpen) await door.opened;
      bank.inside -= 1;
      return "42";
    },
  });
  const open = (): void => {
    bank.isOpen = true;
    for (const openDoor of bank.doors) openDoor();
  };
  return { bank, tool, open };
};

const start = async (tools: readonly DefinedTool[], options: Partial<TestRuntimeOptions> = {}) => {
  const model = recordingModel(({ toolResults, lastUserText: input }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: input }] },
  );
  const agent = agentOf({ model, tools });
  const test = await createTestRuntime({ agents: [agent], ...options });
  const send = async (input = "bank", owner: { readonly tenant?: string; readonly user?: string } = {}) => {
    const session = await test.runtime.createSession(agent, owner);
    const run = await session.send(input);
    return { session, run };
  };
  return { test, model, agent, send };
};

/** Lets everybody in who is at a door, so that nothing is under way when it is closed. */
const finish = async (
  test: Awaited<ReturnType<typeof createTestRuntime>>,
  ...open: readonly (() => void)[]
): Promise<void> => {
  for (const openDoors of open) openDoors();
  await test.advanceTime(60_000);
  await test.close();
};

describe("calls of a limited tool", () => {
  it("E7 are no more at once than may be, in whatever sessions they are", async () => {
    const { bank, tool, open } = bankOf({ maxConcurrent: 2 });
    const { test, send } = await start([tool]);
    const sent = await Promise.all(Array.from({ length: 10 }, () => send()));
    await test.advanceTime(100);
    expect(bank).toMatchObject({ inside: 2, entered: 2 });
    bank.doors[0]?.();
    await test.advanceTime(100);
    expect(bank).toMatchObject({ inside: 2, entered: 3 });
    open();
    const outcomes = await within(test, Promise.all(sent.map(({ run }) => run.outcome())), 10_000);
    expect(outcomes.every(({ status }) => status === "completed")).toBe(true);
    expect(bank).toMatchObject({ most: 2, entered: 10 });
    await finish(test, open);
  });

  it("E7 begin no more often than may be, and in the order in which they came", async () => {
    const { bank, tool, open } = bankOf({ rate: { calls: 2, perMs: 1_000 } });
    bank.isOpen = true;
    const { test, send } = await start([tool]);
    const sent = [];
    for (let index = 0; index < 5; index += 1) sent.push(await send());
    await test.advanceTime(900);
    expect(bank.entered).toBe(2);
    await test.advanceTime(1_000);
    expect(bank.entered).toBe(4);
    const ended = await Promise.all(
      sent.map(async ({ session }) => typesOf(await journalOf(test, session.id)).includes("run.completed")),
    );
    expect(ended).toEqual([true, true, true, true, false]);
    await test.advanceTime(1_000);
    expect(bank.entered).toBe(5);
    await finish(test, open);
  });

  it("S3 that wait for more than a few seconds wait in the journal, and hold nothing", async () => {
    const { bank, tool, open } = bankOf({ maxConcurrent: 1 });
    const { test, send } = await start([tool]);
    await send();
    await test.advanceTime(100);
    const { session, run } = await send();
    await test.advanceTime(6_000);
    expect(await session.snapshot()).toMatchObject({ status: "suspended" });
    const events = await journalOf(test, session.id);
    expect(headersOf(events, "tool-call.deferred")).toHaveLength(1);
    expect(headersOf(events, "tool-call.started")).toHaveLength(0);
    open();
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({ status: "completed" });
    const started = headersOf(await journalOf(test, session.id), "tool-call.started");
    expect(started).toMatchObject([{ attempt: 1 }]);
    expect(bank.entered).toBe(2);
    await finish(test, open);
  });

  it("S3 that are put off are suspended in the same commit", async () => {
    const commits: (readonly string[])[] = [];
    const { tool, open } = bankOf({ maxConcurrent: 1 });
    const { test, send } = await start([tool], {
      faults: ({ commit }) => {
        if (commit !== null)
          commits.push(commit.events.map(({ header }) => /"type":"([^"]+)"/.exec(header)?.[1] ?? ""));
        return null;
      },
    });
    await send();
    await test.advanceTime(100);
    await send();
    await test.advanceTime(6_000);
    expect(commits.filter((types) => types.includes("tool-call.deferred"))).toEqual([
      ["tool-call.deferred", "run.suspended"],
    ]);
    await finish(test, open);
  });

  it("E7 that have waited for as long as they may are told so, and are not made", async () => {
    const { bank, tool, open } = bankOf({ maxConcurrent: 1, maxWaitMs: 20_000 });
    const { test, send, model } = await start([tool]);
    await send();
    await test.advanceTime(100);
    const { session, run } = await send();
    expect(await within(test, run.outcome(), 120_000)).toMatchObject({ status: "completed" });
    expect(headersOf(await journalOf(test, session.id), "tool-call.failed")).toMatchObject([
      { code: "TOOL_BUSY", next: { kind: "give-up" } },
    ]);
    expect(JSON.stringify(model.requests.at(-1)?.messages)).toContain("bank was not called");
    expect(bank.entered).toBe(1);
    await finish(test, open);
  });

  it("S4 of one tenant do not hold up those of another", async () => {
    const { bank, tool, open } = bankOf({ maxConcurrent: 1, per: "tenant" });
    const { test, send } = await start([tool]);
    await send("bank", { tenant: "a" });
    await send("bank", { tenant: "a" });
    await send("bank", { tenant: "b" });
    await test.advanceTime(100);
    expect(bank).toMatchObject({ inside: 2, entered: 2 });
    await finish(test, open);
  });

  it("E7 count together where tools say the same name, and apart for each credential", async () => {
    const per: CallLimitOptions["per"] = ({ attributes, user }) =>
      JSON.stringify(attributes["account"] ?? user);
    const one = bankOf({ maxConcurrent: 1, name: "account", per }, "pay");
    const two = bankOf({ maxConcurrent: 1, name: "account", per }, "look");
    const { test, send } = await start([one.tool, two.tool]);
    await send("pay", { user: "ann" });
    await send("look", { user: "ann" });
    await send("look", { user: "bob" });
    await test.advanceTime(100);
    expect([one.bank.entered, two.bank.entered]).toEqual([1, 1]);
    one.open();
    await test.advanceTime(100);
    expect(two.bank.entered).toBe(2);
    await finish(test, one.open, two.open);
  });

  it("E7 count for nobody where nobody can say whose they are, and that is said", async () => {
    const per = (): string => {
      throw new ToolError("no account");
    };
    const { bank, tool, open } = bankOf({ maxConcurrent: 1, per });
    const logger = keepingLogger();
    const { test, send } = await start([tool], { logger });
    await send();
    await send();
    await test.advanceTime(100);
    expect(bank.entered).toBe(1);
    expect(logger.lines.some(({ message }) => message.includes("whose limit"))).toBe(true);
    await finish(test, open);
  });

  it("E5 that are cancelled while they wait end at once, and keep nobody waiting", async () => {
    const { bank, tool, open } = bankOf({ maxConcurrent: 1 });
    const { test, send } = await start([tool]);
    await send();
    await test.advanceTime(100);
    const waiting = await send();
    const last = await send();
    await test.advanceTime(100);
    await waiting.run.cancel();
    expect(await within(test, waiting.run.outcome(), 1_000)).toMatchObject({ status: "cancelled" });
    open();
    expect(await within(test, last.run.outcome(), 1_000)).toMatchObject({ status: "completed" });
    expect(bank.entered).toBe(2);
    await finish(test, open);
  });

  it("E7 give their place back however they end: cancelled, timed out, thrown, refused", async () => {
    const { bank, tool, open } = bankOf({ maxConcurrent: 3 });
    const failing = toolOf({
      name: "fail",
      effect: "read",
      limits: { name: "bank", maxConcurrent: 3 },
      execute: () => {
        throw new ToolError("no");
      },
    });
    const { test, send } = await start([tool, failing]);
    for (let round = 0; round < 30; round += 1) {
      const sent = [await send(), await send("fail"), await send(), await send(), await send()];
      await test.advanceTime(round % 7);
      for (const { run } of sent) await run.cancel();
      await test.advanceTime(round % 3);
    }
    await test.advanceTime(10_000);
    bank.isOpen = true;
    const before = bank.entered;
    const rest = [await send(), await send(), await send()];
    await within(test, Promise.all(rest.map(({ run }) => run.outcome())), 1_000);
    expect(bank.entered).toBe(before + 3);
    await finish(test, open);
  });

  /** Somebody else gets in as soon as this tool has been called once, and stays there for longer than anybody may wait. */
  const crowdedOut = async (
    name: string,
    more: Omit<Parameters<typeof toolOf>[0], "name" | "execute"> & { readonly first: () => unknown },
  ) => {
    const limits = { name: "line", maxConcurrent: 1, maxWaitMs: 20_000 };
    const { bank, tool, open } = bankOf(limits);
    const door = makeDoor();
    const { first, ...definition } = more;
    let entered = 0;
    const execute = async () => {
      entered += 1;
      if (entered > 1) return "at last";
      await door.opened;
      return first();
    };
    const ours = toolOf({ ...definition, name, limits, execute });
    const model = recordingModel(({ toolResults, lastUserText: input }) => {
      if (toolResults.length === 0) return { toolCalls: [{ name: input }] };
      return input === "book" ? { fail: { code: "MODEL_REQUEST_REJECTED" } } : { text: "done" };
    });
    const agent = agentOf({ model, tools: [tool, ours] });
    const test = await createTestRuntime({ agents: [agent] });
    const session = await test.runtime.createSession(agent);
    const run = await session.send(name);
    await test.advanceTime(100);
    await (await test.runtime.createSession(agent)).send("bank");
    await test.advanceTime(100);
    door.open();
    await test.advanceTime(60_000);
    expect(bank).toMatchObject({ inside: 1, entered: 1 });
    const failures = async () =>
      headersOf(await journalOf(test, session.id), "tool-call.failed").map(({ code }) => code);
    return { test, run, open, failures };
  };

  it("E10 are waited for as long as it takes where something is to be undone", async () => {
    const log: string[] = [];
    const { test, run, open, failures } = await crowdedOut("book", {
      effect: "write",
      first: () => void log.push("booked"),
      undo: { effect: "idempotent", execute: () => void log.push("undone") },
    });
    expect(log).toEqual(["booked"]);
    open();
    const outcome = await within(test, run.outcome({ until: "settled" }), 120_000);
    expect(outcome).toMatchObject({ status: "failed", undone: [{ tool: "book" }], notUndone: [] });
    expect(log).toEqual(["booked", "undone"]);
    expect(await failures()).toEqual([]);
    await finish(test, open);
  });

  it("E2 are waited for as long as it takes where an attempt may have happened already", async () => {
    const { test, run, open, failures } = await crowdedOut("charge", {
      effect: "idempotent",
      retry: { maxAttempts: 2, initialDelayMs: 1_000, maxDelayMs: 1_000 },
      first: () => {
        throw new ToolError("The line broke.");
      },
    });
    expect(await failures()).toEqual(["TOOL_FAILED"]);
    open();
    expect(await within(test, run.outcome(), 120_000)).toMatchObject({ status: "completed" });
    expect(await failures()).toEqual(["TOOL_FAILED"]);
    await finish(test, open);
  });

  it("J2 that waited when their process closed go on in the next", async () => {
    const { tool, open } = bankOf({ maxConcurrent: 1 });
    const { test, send } = await start([tool]);
    await send();
    await test.advanceTime(100);
    const { run } = await send();
    await test.advanceTime(100);
    const next = await test.restart();
    open();
    const outcome = (await next.runtime.getRun(run.id)).outcome();
    expect(await within(next, outcome, 60_000)).toMatchObject({ status: "completed" });
    await next.close();
  });
});

describe("limits of a tool", () => {
  it.each([
    [{}, /maxConcurrent/],
    [{ maxConcurrent: 0 }, /maxConcurrent/],
    [{ rate: { calls: 1 } }, /perMs/],
    [{ rate: { calls: 1, perMs: 1, burst: 2 } }, /burst/],
    [{ maxConcurrent: 1, per: "account" }, /per/],
    [{ maxConcurrent: 1, maxWait: 3 }, /maxWait/],
    [{ maxConcurrent: 1, name: "" }, /name/],
  ])("are refused where they cannot be held to: %o", (limits, what) => {
    expect(() => bankOf(limits as CallLimitOptions)).toThrow(what);
  });
});
