import { describe, expect, it } from "vitest";
import { createTestRuntime } from "../testing/index.ts";
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
import { createRuntime, type Run } from "./index.ts";

const scene = async (effect: "write" | "read" = "write") => {
  const door = makeDoor();
  const world = { paid: 0 };
  const pay = toolOf({
    name: "pay",
    effect,
    timeoutMs: 600_000,
    execute: async () => {
      world.paid += 1;
      await door.opened;
      return "paid";
    },
  });
  const model = recordingModel(({ toolResults }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "pay" }] },
  );
  const agent = agentOf({ model, tools: [pay] });
  const logger = keepingLogger();
  const test = await createTestRuntime({ agents: [agent], drainTimeoutMs: 5_000, logger });
  const session = await test.runtime.createSession(agent);
  const run = await session.send("go");
  await test.clock.settle();
  /** Opens the data again, as the next process would. */
  const reopen = async (id: string) => {
    const store = test.store.attach();
    const runtime = await createRuntime({ agents: [agent], store, clock: test.clock, logger });
    return { store, runtime, run: (await runtime.getRun(id)) as Run };
  };
  return { test, session, run, door, world, model, logger, agent, reopen };
};

describe("closing a runtime", () => {
  it("E1 lets what is in flight finish and records it; the next process goes on from there", async () => {
    const { test, session, run, door, world, model, reopen } = await scene();
    const closing = test.runtime.close();
    await test.advanceTime(1_000);
    door.open();
    await within(test, closing, 1_000);
    expect(model.requests).toHaveLength(1);

    const next = await reopen(run.id);
    expect(await within(test, next.run.outcome(), 5_000)).toMatchObject({
      status: "completed",
      text: "done",
    });
    expect(world.paid).toBe(1);
    expect(headersOf(await journalOf(next, session.id), "session.recovered")).toEqual([]);
  });

  it("E2 leaves a write that does not end in time as unknown: it is asked about, never repeated", async () => {
    const { test, run, world, logger, reopen } = await scene();
    await within(test, test.runtime.close(), 6_000);
    expect(logger.lines.some((line) => line.level === "warn" && line.message.includes("in flight"))).toBe(
      true,
    );

    const next = await reopen(run.id);
    expect(await within(test, next.run.outcome(), 700_000)).toMatchObject({
      status: "suspended",
      waitingFor: [{ kind: "resolution" }],
    });
    expect(world.paid).toBe(1);
  });

  it("refuses new work at once, and says why", async () => {
    const { test, session, run, agent, door } = await scene();
    const closing = test.runtime.close();
    const refusal = { name: "RuntimeClosedError", code: "RUNTIME_CLOSED" };
    await expect(session.send("more")).rejects.toMatchObject(refusal);
    await expect(run.cancel()).rejects.toMatchObject(refusal);
    await expect(test.runtime.createSession(agent)).rejects.toMatchObject(refusal);
    await expect(test.runtime.getRun(run.id)).rejects.toMatchObject(refusal);
    await expect(test.runtime.run(agent, "x")).rejects.toMatchObject(refusal);
    door.open();
    await within(test, closing, 1_000);
  });

  it("S5 tells whoever still waits that nothing more will come from here", async () => {
    const { test, run } = await scene();
    const waiting = run.outcome();
    waiting.catch(() => undefined);
    const reading = (async () => {
      for await (const _ of run.events()) void _;
    })();
    reading.catch(() => undefined);
    await within(test, test.runtime.close(), 6_000);
    await expect(waiting).rejects.toMatchObject({ code: "RUNTIME_CLOSED" });
    await expect(reading).rejects.toMatchObject({ code: "RUNTIME_CLOSED" });
  });

  it("is done once however often it is asked for, and by `await using`", async () => {
    const { test, run, agent, door } = await scene();
    door.open();
    await within(test, run.outcome(), 1_000);
    const store = test.store.attach();
    {
      await using runtime = await createRuntime({ agents: [agent], store, clock: test.clock });
      expect((await runtime.listSessions()).sessions).toHaveLength(1);
    }
    await expect(store.head("ses_x")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await Promise.all([test.runtime.close(), test.runtime.close()]);
    await test.runtime.close();
  });

  it("S3 leaves no timer behind", async () => {
    const { test, run, door } = await scene();
    door.open();
    await within(test, run.outcome(), 1_000);
    await test.runtime.close();
    expect(test.clock.pendingTimers).toBe(0);
  });

  it("S3 leaves no timer behind when it did not wait for what is in flight", async () => {
    const { test } = await scene();
    await within(test, test.runtime.close(), 6_000);
    await test.advanceTime(1_000);
    expect(test.clock.pendingTimers).toBe(0);
  });

  it("O3 does not complain that a store was closed while it was being asked for work", async () => {
    const slowly = { kind: "delay", ms: 5_000 } as const;
    const logger = keepingLogger();
    const agent = agentOf({ model: recordingModel(() => ({ text: "done" })), tools: [] });
    const test = await createTestRuntime({
      agents: [agent],
      logger,
      faults: ({ operation }) => (operation === "due" || operation === "nextWake" ? slowly : null),
    });
    await test.runtime.close();
    await test.advanceTime(20_000);
    expect(logger.lines).toEqual([]);
  });

  it("J1 does not lose a queued input", async () => {
    const { test, session, run, door, reopen } = await scene();
    const second = await session.send("second");
    const closing = test.runtime.close();
    door.open();
    await within(test, closing, 1_000);
    const next = await reopen(second.id);
    expect(await within(test, next.run.outcome(), 5_000)).toMatchObject({ status: "completed" });
    expect(await (await next.runtime.getRun(run.id)).outcome()).toMatchObject({ status: "completed" });
  });
});
