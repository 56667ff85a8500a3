import { describe, expect, it } from "vitest";
import { createTestRuntime } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  makeDoor,
  recordingModel,
  toolOf,
  within,
} from "../testing/scenario.fixture.ts";
import { createRuntime, type Session } from "./index.ts";

const scene = async () => {
  const model = recordingModel(({ lastUserText }) => ({ text: `re: ${lastUserText}` }));
  const agent = agentOf({ model });
  const test = await createTestRuntime({ agents: [agent] });
  return { test, model, agent, session: await test.runtime.createSession(agent) };
};

describe("an input with an idempotency key", () => {
  it("J5 is accepted once and answers with the first run, also long after", async () => {
    const { test, model, session } = await scene();
    const first = await session.send("refund", { idempotencyKey: "mail-1" });
    await within(test, first.outcome(), 1_000);
    await within(test, (await session.send("else")).outcome(), 1_000);
    const again = await session.send("refund", { idempotencyKey: "mail-1" });
    expect(again.id).toBe(first.id);
    expect(await within(test, again.outcome(), 1_000)).toMatchObject({ text: "re: refund" });
    expect(model.requests).toHaveLength(2);
  });

  it("J5 is accepted once after a restart, and from another runtime", async () => {
    const { test, agent, session } = await scene();
    const first = await session.send("refund", { idempotencyKey: "mail-1" });
    const other = await createRuntime({ agents: [agent], store: test.store.attach(), clock: test.clock });
    const there = await other.getSession(session.id);
    expect((await there.send("refund", { idempotencyKey: "mail-1" })).id).toBe(first.id);
    await other.close();
    const next = await test.restart();
    const later = await next.runtime.getSession(session.id);
    expect((await later.send("refund", { idempotencyKey: "mail-1" })).id).toBe(first.id);
  });

  it("J5 with another body is refused, and the first stands", async () => {
    const { test, session } = await scene();
    const first = await session.send("refund 1", { idempotencyKey: "mail-1" });
    await expect(session.send("refund 2", { idempotencyKey: "mail-1" })).rejects.toMatchObject({
      code: "IDEMPOTENCY_CONFLICT",
    });
    expect(await within(test, first.outcome(), 1_000)).toMatchObject({ text: "re: refund 1" });
  });

  it("J5 J6 sent many times at once is worked once", async () => {
    const { test, model, session } = await scene();
    const runs = await Promise.all(
      Array.from({ length: 50 }, () => session.send("refund", { idempotencyKey: "mail-1" })),
    );
    expect(new Set(runs.map((run) => run.id)).size).toBe(1);
    await within(test, Promise.all(runs.map((run) => run.outcome())), 1_000);
    expect(model.requests).toHaveLength(1);
    expect(headersOf(await journalOf(test, session.id), "run.accepted")).toHaveLength(1);
  });

  it("J6 is read at once when it is handed in again, though nobody heard of it the first time", async () => {
    const wait = toolOf({ name: "wait", effect: "read", execute: () => makeDoor().opened });
    const model = recordingModel(() => ({ toolCalls: [{ name: "wait" }] }));
    let isAway = false;
    const test = await createTestRuntime({
      agents: [agentOf({ model, tools: [wait] })],
      faults: ({ operation }) => (operation === "post" && isAway ? { kind: "fail-after" } : null),
    });
    const session = await test.runtime.createSession("clerk");
    await session.send("first");
    await test.advanceTime(100);
    isAway = true;
    await expect(session.send("second", { idempotencyKey: "mail-2" })).rejects.toThrow("store");
    isAway = false;
    const again = await session.send("second", { idempotencyKey: "mail-2" });
    await test.advanceTime(100);
    const accepted = headersOf(await journalOf(test, session.id), "run.accepted");
    expect(accepted.map(({ runId }) => runId)).toContain(again.id);
  });

  it("J5 is a key of its session alone", async () => {
    const { test, agent, session } = await scene();
    const other = await test.runtime.createSession(agent);
    const runs = [
      await session.send("one", { idempotencyKey: "k" }),
      await other.send("two", { idempotencyKey: "k" }),
    ];
    const outcomes = await within(test, Promise.all(runs.map((run) => run.outcome())), 1_000);
    expect(outcomes).toMatchObject([{ text: "re: one" }, { text: "re: two" }]);
  });

  it("J6 inputs posted at once are each recorded once, in the order of posting", async () => {
    const { test, session } = await scene();
    const runs = await Promise.all(Array.from({ length: 30 }, (_, n) => session.send(`n${n}`)));
    await within(test, Promise.all(runs.map((run) => run.outcome())), 5_000);
    const accepted = headersOf(await journalOf(test, session.id), "run.accepted");
    expect(accepted.map((header) => header.runId)).toEqual(runs.map((run) => run.id));
    expect((await test.store.load(session.id))?.signals).toEqual([]);
  });

  it("J1 J6 accepted before a crash is worked after it", async () => {
    const { test, agent } = await scene();
    const onlooker = await createRuntime({
      agents: [agent],
      store: test.store.attach(),
      clock: test.clock,
      isWorker: false,
    });
    test.crashAfter(0);
    const run = await (await onlooker.createSession(agent)).send("hello");
    const next = await test.restart();
    const again = await next.runtime.getRun(run.id);
    expect(await within(next, again.outcome(), 60_000)).toMatchObject({ text: "re: hello" });
  });
});

describe("a session with a key", () => {
  it("J5 is made once, however often and at once it is asked for", async () => {
    const { test, agent } = await scene();
    const sessions: readonly Session[] = await Promise.all(
      Array.from({ length: 20 }, () =>
        test.runtime.createSession(agent, { key: "ticket-1", tenant: "acme" }),
      ),
    );
    expect(new Set(sessions.map((session) => session.id)).size).toBe(1);
  });

  it("J5 S1 belongs to its tenant", async () => {
    const { test, agent } = await scene();
    const ids = await Promise.all(
      [{ tenant: "acme" }, { tenant: "apex" }, {}, { tenant: "Acme" }].map(
        async (owner) => (await test.runtime.createSession(agent, { key: "ticket-1", ...owner })).id,
      ),
    );
    expect(new Set(ids).size).toBe(4);
  });

  // A text in which a character was cut in two is stored as another one, and several such are stored as the same.
  it.each(["", "ann\ud800", "\udc00", 42, { id: 1 }])(
    "J5 S1 is refused for %j, which is no name",
    async (given) => {
      const { test, agent } = await scene();
      // As JavaScript would pass it.
      const name = given as string;
      const session = await test.runtime.createSession(agent);
      const schedule = { agent, input: "x", cron: "0 3 * * *" };
      for (const asked of [
        () => test.runtime.createSession(agent, { tenant: name }),
        () => test.runtime.createSession(agent, { user: name }),
        () => test.runtime.schedules.create({ ...schedule, tenant: name }),
        () => test.runtime.schedules.create({ ...schedule, user: name }),
        () => test.runtime.eraseUser({ user: name }),
        () => test.runtime.eraseUser({ user: "ann", tenant: name }),
        () => session.send("x", { idempotencyKey: name }),
        () => session.signal("x", "y", { idempotencyKey: name }),
      ])
        await expect(asked()).rejects.toMatchObject({ code: "OPTION_INVALID" });
      expect((await test.runtime.listSessions()).sessions).toHaveLength(2);
      expect((await session.snapshot()).queuedRuns).toEqual([]);
    },
  );

  it("J5 keeps its agent: the same key for another agent is refused", async () => {
    const { model } = await scene();
    const { defineAgent } = await import("./index.ts");
    const agents = ["a", "b"].map((name) => defineAgent({ name, instructions: "", model }));
    const test = await createTestRuntime({ agents });
    await test.runtime.createSession("a", { key: "k" });
    await expect(test.runtime.createSession("b", { key: "k" })).rejects.toMatchObject({
      code: "IDEMPOTENCY_CONFLICT",
    });
  });

  it("J5 goes on where it was when it is asked for again", async () => {
    const { test, agent } = await scene();
    const first = await test.runtime.createSession(agent, { key: "k" });
    await within(test, (await first.send("one")).outcome(), 1_000);
    const again = await test.runtime.createSession(agent, { key: "k" });
    expect(await within(test, (await again.send("two")).outcome(), 1_000)).toMatchObject({ text: "re: two" });
    expect(headersOf(await journalOf(test, first.id), "session.created")).toHaveLength(1);
  });
});
