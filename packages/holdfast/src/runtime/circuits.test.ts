import { describe, expect, it } from "vitest";
import { HoldfastError } from "../core/errors.ts";
import type { ParsedInput } from "../ports/tool.ts";
import { createTestRuntime, type TestRuntimeOptions } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  keepingLogger,
  makeDoor,
  recordingModel,
  toolOf,
  within,
} from "../testing/scenario.fixture.ts";
import { createRuntime, defineTool, type AgentDefinition, type CircuitOptions } from "./index.ts";

const CIRCUIT: CircuitOptions = { minFailures: 3, windowMs: 60_000, openMs: 10_000, maxOpenMs: 40_000 };

/** A system that works or does not, and an agent that asks it once a run. */
const worldOf = (circuit: true | CircuitOptions = CIRCUIT) => {
  const world = {
    works: false,
    entered: 0,
    fail: () => new HoldfastError("TOOL_FAILED", "The bank is away."),
  };
  const ask = toolOf({
    name: "ask",
    effect: "read",
    circuit,
    execute: () => {
      world.entered += 1;
      if (world.works) return "42";
      throw world.fail();
    },
  });
  const model = recordingModel(({ toolResults }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "ask" }] },
  );
  return { world, model, ask, agent: agentOf({ model, tools: [ask] }) };
};

const checked = (isStrict: boolean, input: unknown): ParsedInput =>
  isStrict && JSON.stringify(input).includes("true")
    ? { ok: false, issues: ["wrong"] }
    : { ok: true, value: input };

const start = async (agent: AgentDefinition, options: Partial<TestRuntimeOptions> = {}) => {
  const test = await createTestRuntime({ agents: [agent], ...options });
  return { test, ask: () => askIn(test, agent) };
};

/** A run in a session of its own; the code of the call's failure, or null. */
const askIn = async (
  test: Awaited<ReturnType<typeof createTestRuntime>>,
  agent: AgentDefinition,
  runtime = test.runtime,
) => {
  const session = await runtime.createSession(agent);
  await within(test, (await session.send("go")).outcome(), 1_000);
  return (
    headersOf(await journalOf({ store: runtime.store }, session.id), "tool-call.failed").at(-1)?.code ?? null
  );
};

describe("a tool that keeps failing", () => {
  it("E7 is not called by any session for a while; the model is told, and when it is tried again", async () => {
    const { world, model, agent } = worldOf();
    const logger = keepingLogger();
    const { test, ask } = await start(agent, { logger });
    for (let index = 0; index < 3; index += 1) expect(await ask()).toBe("TOOL_FAILED");
    expect(await ask()).toBe("TOOL_UNAVAILABLE");
    expect(world.entered).toBe(3);
    const told = JSON.stringify(model.requests.at(-1)?.messages);
    expect(told).toMatch(
      /ask was not called: its last calls failed \(TOOL_FAILED\)\. It is tried again from \d{4}/,
    );
    const errors = logger.lines.filter(({ level }) => level === "error");
    expect(errors.map(({ message }) => message)).toEqual([expect.stringMatching(/^ask keeps failing/)]);
    await test.close();
  });

  it("E7 is tried by one call when it is time, and by all when that went well", async () => {
    const { world, agent } = worldOf();
    const { test, ask } = await start(agent);
    for (let index = 0; index < 4; index += 1) await ask();
    await test.advanceTime(10_000);
    expect(await ask()).toBe("TOOL_FAILED");
    expect(await ask()).toBe("TOOL_UNAVAILABLE");
    await test.advanceTime(20_000);
    world.works = true;
    expect(await ask()).toBe(null);
    expect(await ask()).toBe(null);
    expect(world.entered).toBe(6);
    await test.close();
  });

  it("E7 is called by one session alone while it is tried", async () => {
    const { world, model } = worldOf();
    const { promise, resolve } = Promise.withResolvers<string>();
    const ask = toolOf({
      name: "ask",
      effect: "read",
      circuit: CIRCUIT,
      execute: () => {
        world.entered += 1;
        if (world.works) return promise;
        throw world.fail();
      },
    });
    const agent = agentOf({ model, tools: [ask] });
    const { test, ask: askOnce } = await start(agent);
    for (let index = 0; index < 3; index += 1) await askOnce();
    await test.advanceTime(10_000);
    world.works = true;
    const probing = await test.runtime.createSession(agent);
    const run = await probing.send("go");
    await test.clock.settle();
    expect(world.entered).toBe(4);
    expect(await askOnce()).toBe("TOOL_UNAVAILABLE");
    resolve("42");
    await within(test, run.outcome(), 1_000);
    expect(await askOnce()).toBe(null);
    await test.close();
  });

  it("E7 is known to the next process on the same data", async () => {
    const { world, agent } = worldOf();
    const { test, ask } = await start(agent);
    for (let index = 0; index < 4; index += 1) await ask();
    const next = await test.restart();
    await next.clock.settle();
    expect(await askIn(next, agent)).toBe("TOOL_UNAVAILABLE");
    expect(await next.runtime.circuits()).toMatchObject([
      { name: "ask", circuit: { kind: "open", openings: 1 } },
    ]);
    world.works = true;
    await next.advanceTime(10_000);
    expect(await askIn(next, agent)).toBe(null);
    expect(await next.runtime.circuits()).toEqual([]);
    const last = await next.restart();
    await last.clock.settle();
    expect(await askIn(last, agent)).toBe(null);
    expect(world.entered).toBe(5);
    await last.close();
  });

  it("E7 is known within fifteen seconds to a process beside it, and known to work again", async () => {
    // Each process has an agent of its own, so that it has seen nothing of the other's calls itself.
    const bank: CircuitOptions = { ...CIRCUIT, name: "bank", openMs: 600_000, maxOpenMs: 600_000 };
    const { world, ask, agent, model } = worldOf(bank);
    const clerk = agentOf({ name: "another", model, tools: [ask] });
    const { test, ask: askHere } = await start(agent);
    const openBeside = (isWorker: boolean) =>
      createRuntime({ agents: [clerk], store: test.store.attach(), clock: test.clock, isWorker });
    const [beside, watcher] = [await openBeside(true), await openBeside(false)];
    await test.clock.settle();
    for (let index = 0; index < 3; index += 1) await askHere();
    // A process that works nothing is told when it asks.
    expect(await watcher.circuits()).toMatchObject([{ name: "bank", circuit: { kind: "open" } }]);
    await test.advanceTime(15_000);
    expect(await askIn(test, clerk, beside)).toBe("TOOL_UNAVAILABLE");
    expect(world.entered).toBe(3);
    world.works = true;
    await test.advanceTime(600_000);
    expect(await askHere()).toBe(null);
    await test.advanceTime(15_000);
    world.works = false;
    // Had it still been open there, this call would have been its probe and opened it again.
    expect(await askIn(test, clerk, beside)).toBe("TOOL_FAILED");
    expect(await askIn(test, clerk, beside)).toBe("TOOL_FAILED");
    expect(await watcher.circuits()).toEqual([]);
    await watcher.close();
    await beside.close();
    await test.close();
  });

  /** A tool that checks what it is given, asks somebody about what is wrong, and fails. */
  const checking = async () => {
    const { world } = worldOf();
    const checks = { isOn: false };
    const ask = toolOf({
      name: "ask",
      effect: "read",
      circuit: CIRCUIT,
      needsApproval: ({ wrong }) => wrong === true,
      execute: () => {
        world.entered += 1;
        throw world.fail();
      },
    });
    const strict = { ...ask, parseInput: (input: unknown) => checked(checks.isOn, input) };
    const model = recordingModel(({ toolResults, lastUserText }) =>
      toolResults.length > 0
        ? { text: "done" }
        : { toolCalls: [{ name: "ask", input: { wrong: lastUserText === "wrong" } }] },
    );
    const agent = agentOf({ model, tools: [strict] });
    const { test, ask: askOnce } = await start(agent);
    for (let index = 0; index < 3; index += 1) await askOnce();
    const session = await test.runtime.createSession(agent);
    return { world, checks, test, askOnce, session };
  };

  it("E7 is not tried by a call whose arguments are wrong", async () => {
    const { world, checks, test, askOnce, session } = await checking();
    checks.isOn = true;
    await test.advanceTime(10_000);
    await within(test, (await session.send("wrong")).outcome(), 1_000);
    expect(world.entered).toBe(3);
    expect(await askOnce()).toBe("TOOL_FAILED");
    expect(await askOnce()).toBe("TOOL_UNAVAILABLE");
    await test.close();
  });

  it("E7 is not closed by a call that did not come to it", async () => {
    const { world, checks, test, askOnce, session } = await checking();
    const run = await session.send("wrong");
    await within(test, run.outcome(), 1_000);
    await test.advanceTime(10_000);
    const [asked] = await session.pending();
    if (asked?.kind !== "approval") throw new TypeError("nothing was asked");
    // What was right when it was asked about is not any more.
    checks.isOn = true;
    await session.decide(asked.approvalId, { verdict: "approve" });
    await within(test, run.outcome({ until: "settled" }), 1_000);
    const calls = await journalOf(test, session.id);
    expect(headersOf(calls, "tool-call.started")).toHaveLength(1);
    expect(headersOf(calls, "tool-call.failed")).toMatchObject([{ code: "TOOL_INPUT_INVALID" }]);
    expect(world.entered).toBe(3);
    expect(await askOnce()).toBe("TOOL_FAILED");
    // Had it been closed by that call, one failure would not have opened it again.
    expect(await askOnce()).toBe("TOOL_UNAVAILABLE");
    await test.close();
  });

  it("E7 is shared by tools that name the same system, and by no other", async () => {
    const { world, agent: one } = worldOf({ ...CIRCUIT, name: "bank" });
    const pay = toolOf({
      name: "pay",
      effect: "read",
      circuit: { ...CIRCUIT, name: "bank" },
      execute: () => "paid",
    });
    const look = toolOf({ name: "look", effect: "read", circuit: true, execute: () => "seen" });
    const using = (name: string) =>
      recordingModel(({ toolResults }) =>
        toolResults.length > 0 ? { text: "." } : { toolCalls: [{ name }] },
      );
    const two = agentOf({ name: "two", model: using("pay"), tools: [pay] });
    const three = agentOf({ name: "three", model: using("look"), tools: [look] });
    const test = await createTestRuntime({ agents: [one, two, three] });
    for (let index = 0; index < 3; index += 1) await askIn(test, one);
    expect(world.entered).toBe(3);
    expect(await askIn(test, two)).toBe("TOOL_UNAVAILABLE");
    expect(await askIn(test, three)).toBe(null);
    await test.close();
  });

  it("E7 counts nothing against it that is not its fault: what is wrong with the call, a cancel", async () => {
    const { world, agent } = worldOf();
    world.fail = () => new HoldfastError("TOOL_FAILED", "There is no such account.", { retryable: false });
    const { test, ask } = await start(agent);
    for (let index = 0; index < 6; index += 1) expect(await ask()).toBe("TOOL_FAILED");
    expect(world.entered).toBe(6);
    await test.close();
  });

  it("E2 is called again all the same where an attempt may have happened already", async () => {
    const { world, model } = worldOf();
    const charge = toolOf({
      name: "ask",
      effect: "idempotent",
      circuit: { ...CIRCUIT, minFailures: 1 },
      retry: { maxAttempts: 3, initialDelayMs: 100, maxDelayMs: 100 },
      execute: () => {
        world.entered += 1;
        if (world.entered === 3) return "charged";
        throw world.fail();
      },
    });
    const agent = agentOf({ model, tools: [charge] });
    const { test, ask } = await start(agent);
    expect(await ask()).toBe("TOOL_FAILED");
    expect(world.entered).toBe(3);
    expect(JSON.stringify(model.requests.at(-1)?.messages)).toContain("charged");
    await test.close();
  });

  it("E10 does not keep what it did from being undone", async () => {
    const { world, ask } = worldOf({ ...CIRCUIT, name: "bank", minFailures: 1 });
    const log: string[] = [];
    const book = toolOf({
      name: "book",
      effect: "write",
      circuit: { ...CIRCUIT, name: "bank", minFailures: 1 },
      execute: () => void log.push("booked"),
      undo: { effect: "idempotent", execute: () => void log.push("undone") },
    });
    const calling = (name: string) => ({ toolCalls: [{ name }] });
    const model = recordingModel([
      calling("book"),
      calling("ask"),
      calling("ask"),
      { fail: { code: "MODEL_REQUEST_REJECTED" } },
    ]);
    const agent = agentOf({ model, tools: [book, ask] });
    const { test } = await start(agent);
    const session = await test.runtime.createSession(agent);
    const outcome = await within(test, (await session.send("go")).outcome({ until: "settled" }), 5_000);
    const failed = headersOf(await journalOf(test, session.id), "tool-call.failed");
    expect(failed.map(({ code }) => code)).toEqual(["TOOL_FAILED", "TOOL_UNAVAILABLE"]);
    expect(world.entered).toBe(1);
    expect(log).toEqual(["booked", "undone"]);
    expect(outcome).toMatchObject({ status: "failed", undone: [{ tool: "book" }], notUndone: [] });
    await test.close();
  });

  it("E7 is tried by the next call when the one that tried it was cancelled", async () => {
    const { world, model } = worldOf();
    const ask = toolOf({
      name: "ask",
      effect: "read",
      timeoutMs: 600_000,
      circuit: CIRCUIT,
      execute: (_, { signal }) => {
        world.entered += 1;
        if (world.entered !== 4) throw world.fail();
        return new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new HoldfastError("TOOL_CANCELLED", "stopped")));
        });
      },
    });
    const agent = agentOf({ model, tools: [ask] });
    const { test, ask: askOnce } = await start(agent);
    for (let index = 0; index < 3; index += 1) await askOnce();
    await test.advanceTime(10_000);
    const probing = await test.runtime.createSession(agent);
    const run = await probing.send("go");
    await test.clock.settle();
    expect(world.entered).toBe(4);
    await run.cancel();
    await within(test, run.outcome(), 5_000);
    expect(await askOnce()).toBe("TOOL_FAILED");
    // Had the cancel closed it, one failure would not have opened it again.
    expect(await askOnce()).toBe("TOOL_UNAVAILABLE");
    await test.close();
  });

  it("E7 counts nothing against it that comes of a session being taken over", async () => {
    const { model } = worldOf();
    const door = makeDoor();
    let isFrozen = false;
    const ask = toolOf({
      name: "ask",
      effect: "read",
      timeoutMs: 600_000,
      circuit: { ...CIRCUIT, minFailures: 1 },
      execute: (_, { signal, attempt }) =>
        attempt > 1
          ? "42"
          : new Promise((_resolve, reject) => {
              signal.addEventListener("abort", () => reject(new HoldfastError("TOOL_FAILED", "stopped")));
            }),
    });
    const agent = agentOf({ model, tools: [ask] });
    const { test } = await start(agent);
    const renew = test.store.renew.bind(test.store);
    test.store.renew = async (...args) => {
      if (isFrozen) await door.opened;
      return renew(...args);
    };
    const run = await (await test.runtime.createSession(agent)).send("go");
    await test.clock.settle();
    isFrozen = true;
    const other = await createRuntime({ agents: [agent], store: test.store.attach(), clock: test.clock });
    expect(await within(test, (await other.getRun(run.id)).outcome(), 180_000)).toMatchObject({
      status: "completed",
    });
    door.open();
    await test.advanceTime(60_000);
    expect(await test.runtime.circuits()).toEqual([]);
    await other.close();
    await test.close();
  });

  it("E7 is stored when the store is back, and others are told", async () => {
    const { world, agent } = worldOf();
    let isAway = false;
    const { test, ask } = await start(agent, {
      faults: ({ operation }) => (isAway && operation === "changeDuty" ? { kind: "fail-before" } : null),
    });
    isAway = true;
    for (let index = 0; index < 3; index += 1) await ask();
    expect(world.entered).toBe(3);
    isAway = false;
    const other = await createRuntime({
      agents: [agent],
      store: test.store.attach(),
      clock: test.clock,
      isWorker: false,
    });
    expect(await other.circuits()).toEqual([]);
    await test.advanceTime(15_000);
    expect(await other.circuits()).toMatchObject([{ name: "ask", circuit: { kind: "open" } }]);
    await other.close();
    await test.close();
  });

  it("is refused where its options make no sense", () => {
    const make = (circuit: CircuitOptions) => () =>
      defineTool()({
        name: "x",
        description: "x",
        inputSchema: { type: "object" },
        effect: "read",
        circuit,
        execute: () => "x",
      });
    expect(make({ share: 0 })).toThrow(/"share" must be above 0/);
    expect(make({ minFailures: 0 })).toThrow(/minFailures/);
    expect(make({ name: "" })).toThrow(/"name"/);
    expect(make({ openFor: 3 } as never)).toThrow(/openFor/);
  });
});
