import { describe, expect, it } from "vitest";
import { createTestRuntime, type Fault, type StoreCall } from "../testing/index.ts";
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
import { createRuntime, type AgentDefinition } from "./index.ts";

const start = async (agent: AgentDefinition, faults: (call: StoreCall) => Fault | null) => {
  const test = await createTestRuntime({ agents: [agent], faults, logger: keepingLogger() });
  const session = await test.runtime.createSession(agent);
  const seen: number[] = [];
  const controller = new AbortController();
  const reading = (async () => {
    for await (const event of session.events({ signal: controller.signal })) {
      if (event.kind !== "event") continue;
      // Whoever sees an event can find it in the store.
      expect((await test.store.head(session.id))?.position).toBeGreaterThanOrEqual(event.position);
      seen.push(event.position);
    }
  })();
  reading.catch(() => undefined);
  const stop = async () => {
    controller.abort();
    await reading;
    return seen;
  };
  return { test, session, run: await session.send("go"), seen, stop };
};

const isCommitOf = ({ commit }: StoreCall, type: string): boolean =>
  commit?.events.some((event) => event.header.includes(`"${type}"`)) === true;

/** Strikes the first commit that has an event of this type. */
const onceAt = (type: string, fault: Fault) => {
  let isDone = false;
  return (call: StoreCall): Fault | null => {
    if (isDone || !isCommitOf(call, type)) return null;
    isDone = true;
    return fault;
  };
};

const scene = () => {
  const entered: string[] = [];
  const act = toolOf({
    name: "act",
    effect: "write",
    execute: (_, { idempotencyKey }) => {
      entered.push(idempotencyKey);
      return "acted";
    },
  });
  const model = recordingModel(({ toolResults }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "act" }] },
  );
  return { entered, model, agent: agentOf({ model, tools: [act] }) };
};

const TYPES = ["run.started", "tool-call.started", "tool-call.completed", "run.completed"] as const;

describe("a commit that takes its time", () => {
  it.each(TYPES)("J1 nobody sees or does anything of it before it is durable: %s", async (type) => {
    const { agent, entered, model } = scene();
    const { test, session, run, seen, stop } = await start(agent, onceAt(type, { kind: "delay", ms: 5_000 }));
    let isSettled = false;
    void run.outcome().then(() => {
      isSettled = true;
    });
    await test.advanceTime(4_900);
    const head = (await test.store.head(session.id))?.position ?? 0;
    expect(Math.max(...seen)).toBeLessThanOrEqual(head);
    expect(isSettled).toBe(false);
    if (type === "run.started") expect(model.requests).toEqual([]);
    if (type === "tool-call.started") expect(entered).toEqual([]);
    expect((await within(test, run.outcome(), 1_000)).status).toBe("completed");
    expect(entered).toHaveLength(1);
    const all = (await journalOf(test, session.id)).map((event) => event.position);
    expect(await stop()).toEqual(all);
  });
});

describe("a commit of which nobody knows whether it is stored", () => {
  const faults = ["fail-before", "fail-after"] as const;
  it.each(TYPES.flatMap((type) => faults.map((kind) => ({ type, kind }))))(
    "J1 E1 is looked into, and the work goes on as if nothing had been: $type $kind",
    async ({ type, kind }) => {
      const { agent, entered } = scene();
      const { test, session, run, stop } = await start(agent, onceAt(type, { kind }));
      expect((await within(test, run.outcome(), 10_000)).status).toBe("completed");
      expect(entered).toHaveLength(1);
      const events = await journalOf(test, session.id);
      // Two model calls; everything else once.
      expect(new Set(typesOf(events)).size).toBe(typesOf(events).length - 2);
      expect(await stop()).toEqual(events.map((event) => event.position));
      expect(await test.store.check()).toEqual([]);
    },
  );

  it("J1 nothing acts while the store is away, and everything goes on when it is back", async () => {
    const { agent, entered, model } = scene();
    let isAway = false;
    const { test, run, stop } = await start(agent, (call) => {
      if (isCommitOf(call, "tool-call.started") && entered.length === 0 && !wasAway) isAway = true;
      return isAway ? { kind: "fail-before" } : null;
    });
    let wasAway = false;
    await test.advanceTime(60_000);
    expect([entered.length, model.requests.length]).toEqual([0, 1]);
    isAway = false;
    wasAway = true;
    expect((await within(test, run.outcome(), 40_000)).status).toBe("completed");
    expect(entered).toHaveLength(1);
    await stop();
  });

  it("J1 J6 a cancel that meant nothing any more is read once, though its commit was indeterminate", async () => {
    const { agent } = scene();
    let kind: "fail-after" | null = null;
    const { test, session, run, stop } = await start(agent, ({ commit }) =>
      kind !== null && commit !== null && commit.consume.length > 0 ? { kind } : null,
    );
    await within(test, run.outcome(), 5_000);
    kind = "fail-after";
    await run.cancel();
    await test.advanceTime(1_000);
    kind = null;
    await test.advanceTime(5_000);
    const again = await session.send("again");
    expect((await within(test, again.outcome(), 5_000)).status).toBe("completed");
    expect((await test.store.load(session.id))?.signals).toEqual([]);
    await stop();
  });
});

describe("reads that fail", () => {
  it.each(["load", "readAt", "head"] as const)(
    "J1 S1 a session waits for the store and goes on: %s",
    async (operation) => {
      const { agent, entered } = scene();
      let left = 3;
      const { test, run } = await start(agent, (call) => {
        if (call.operation !== operation || left === 0 || call.call < 8) return null;
        left -= 1;
        return { kind: "fail-before" };
      });
      await test.advanceTime(60_000);
      left = 0;
      expect((await within(test, run.outcome(), 1_000)).status).toBe("completed");
      expect(entered).toHaveLength(1);
    },
  );

  it("J1 E2 what is in flight is not given up because the store is away for a moment", async () => {
    const door = makeDoor();
    const pay = toolOf({ name: "act", effect: "write", execute: () => door.opened.then(() => "paid") });
    const model = recordingModel(({ toolResults }) =>
      toolResults.length > 0 ? { text: JSON.stringify(toolResults) } : { toolCalls: [{ name: "act" }] },
    );
    const agent = agentOf({ model, tools: [pay] });
    let isAway = false;
    const test = await createTestRuntime({
      agents: [agent],
      logger: keepingLogger(),
      faults: ({ operation }) => (isAway && operation === "load" ? { kind: "fail-before" } : null),
    });
    const session = await test.runtime.createSession(agent);
    const run = await session.send("go");
    await test.clock.settle();
    // Somebody else's input makes the session look at the store, which does not answer.
    isAway = true;
    const other = await createRuntime({ agents: [], store: test.store.attach(), clock: test.clock });
    await (await other.getSession(session.id)).send("and then?");
    await test.advanceTime(2_500);
    isAway = false;
    door.open();
    expect(await within(test, run.outcome(), 5_000)).toMatchObject({
      status: "completed",
      text: expect.stringContaining("paid"),
    });
    expect(headersOf(await journalOf(test, session.id), "session.recovered")).toEqual([]);
    await other.close();
  });

  it("E2 a write whose input cannot be read back was not entered, and is tried again", async () => {
    const entered: string[] = [];
    const look = toolOf({
      name: "look",
      effect: "read",
      retry: { maxAttempts: 4 },
      execute: () => (isFirst ? makeDoor().opened : "seen"),
    });
    const pay = toolOf({
      name: "pay",
      effect: "write",
      retry: { maxAttempts: 4 },
      execute: ({ to }) => entered.push(JSON.stringify(to)),
    });
    const model = recordingModel(({ toolResults }) =>
      toolResults.length > 0
        ? { text: "done" }
        : { toolCalls: [{ name: "look" }, { name: "pay", input: { to: "ann" } }] },
    );
    let isFirst = true;
    const agent = agentOf({ model, tools: [look, pay], limits: { maxParallelToolCalls: 1 } });
    const first = await createTestRuntime({ agents: [agent], logger: keepingLogger() });
    const session = await first.runtime.createSession(agent);
    const run = await session.send("go");
    await first.clock.settle();
    isFirst = false;
    let left = 4;
    const next = await first.restart({
      faults: ({ operation }) => {
        if (operation !== "readAt" || left === 0) return null;
        left -= 1;
        return { kind: "fail-before" };
      },
    });
    await next.advanceTime(60_000);
    const outcome = await within(next, (await next.runtime.getRun(run.id)).outcome(), 60_000);
    expect(outcome).toMatchObject({ status: "completed", text: "done" });
    expect(entered).toEqual(['"ann"']);
  });
});

describe("a commit that is refused", () => {
  it.each(["gate", "signal", "position", "epoch"] as const)(
    "J2 E1 the session looks again and loses nothing: %s",
    async (reason) => {
      const { agent, entered } = scene();
      const { test, run, stop } = await start(
        agent,
        onceAt("tool-call.completed", { kind: "conflict", reason }),
      );
      expect((await within(test, run.outcome(), 60_000)).status).toBe("completed");
      expect(entered).toHaveLength(1);
      await stop();
    },
  );
});

describe("two runtimes on one store", () => {
  it("J2 E1 one of them works the run, each effect happens once", async () => {
    const { agent, entered } = scene();
    const test = await createTestRuntime({ agents: [agent] });
    const other = await createRuntime({ agents: [agent], store: test.store.attach(), clock: test.clock });
    const sessions = await Promise.all(Array.from({ length: 20 }, () => test.runtime.createSession(agent)));
    const runs = await Promise.all(sessions.map((session) => session.send("go")));
    await within(test, Promise.all(runs.map((run) => run.outcome())), 10_000);
    expect(entered).toHaveLength(20);
    expect(new Set(entered).size).toBe(20);
    await other.close();
  });

  it("J2 E2 a holder that was frozen and wakes late changes nothing, and its tool is not entered", async () => {
    const entered: string[] = [];
    const makeAgent = (name: string) => {
      const act = toolOf({
        name: "act",
        effect: "write",
        execute: () => {
          entered.push(name);
          return name;
        },
        verify: () => (entered.length > 0 ? { status: "done", output: "x" } : { status: "not-done" }),
      });
      const model = recordingModel(({ toolResults }) =>
        toolResults.length > 0 ? { text: `done by ${name}` } : { toolCalls: [{ name: "act" }] },
      );
      return agentOf({ model, tools: [act] });
    };
    const thaw = makeDoor();
    let isFrozen = false;
    const test = await createTestRuntime({ agents: [makeAgent("frozen")] });
    const { store } = test;
    const commit = store.commit.bind(store);
    // It freezes right after the start of the tool was stored: no renewal, no answer, until it thaws.
    store.commit = async (request) => {
      const answer = await commit(request);
      isFrozen ||= request.events.some((event) => event.header.includes('"tool-call.started"'));
      if (isFrozen) await thaw.opened;
      return answer;
    };
    const renew = store.renew.bind(store);
    store.renew = async (...args) => (isFrozen ? (await thaw.opened, renew(...args)) : renew(...args));
    const session = await test.runtime.createSession("clerk");
    const run = await session.send("go");
    await test.clock.settle();

    const other = await createRuntime({
      agents: [makeAgent("other")],
      store: test.store.attach(),
      clock: test.clock,
    });
    const outcome = await within(test, (await other.getRun(run.id)).outcome(), 180_000);
    expect(outcome).toMatchObject({ status: "completed", text: "done by other" });
    const before = await journalOf(test, session.id);
    thaw.open();
    await test.advanceTime(60_000);
    expect(entered).toEqual(["other"]);
    expect(await journalOf(test, session.id)).toEqual(before);
    expect(headersOf(before, "session.recovered")).toHaveLength(1);
    await other.close();
  });
});
