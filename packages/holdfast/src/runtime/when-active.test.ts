import { describe, expect, it } from "vitest";
import type { AgentDefinition } from "./index.ts";
import { createTestRuntime, type TestRuntime } from "../testing/index.ts";
import { deathsUpTo, throughDeaths } from "../testing/deaths.fixture.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  makeDoor,
  recordingModel,
  toolOf,
  typesOf,
  within,
  type RecordingModel,
} from "../testing/scenario.fixture.ts";

const useTool = (name: string) => ({ toolCalls: [{ name, input: {} }] });

const textsOf = (model: RecordingModel, request = -1): readonly string[] =>
  (model.requests.at(request)?.messages ?? []).flatMap((message) =>
    message.role === "user"
      ? message.content.flatMap((part) => (part.type === "text" ? [part.text] : []))
      : [],
  );

/** An agent whose first answer uses a tool that waits at a door. */
const gated = (more: Partial<Parameters<typeof agentOf>[0]> = {}) => {
  const door = makeDoor();
  const wait = toolOf({ name: "wait", effect: "read", execute: () => door.opened.then(() => "open") });
  const model = recordingModel(({ toolResults, lastUserText }) =>
    toolResults.length === 0 && lastUserText === "go" ? useTool("wait") : { text: `heard: ${lastUserText}` },
  );
  return { door, model, agent: agentOf({ model, tools: [wait], ...more }) };
};

const begin = async (agent: AgentDefinition) => {
  const test = await createTestRuntime({ agents: [agent] });
  const session = await test.runtime.createSession(agent);
  const run = await session.send("go");
  await test.clock.settle();
  return { test, session, run };
};

const orderOf = async (test: TestRuntime, sessionId: string): Promise<readonly string[]> =>
  headersOf(await journalOf(test, sessionId), "run.started").map(({ runId }) => runId);

describe("steer", () => {
  it("S4 E3 joins the active run behind the results of its turn, before the next model call", async () => {
    const { door, model, agent } = gated();
    const { test, session, run } = await begin(agent);

    const steer = await session.send("in French", { whenActive: "steer" });
    await test.advanceTime(500);
    expect(typesOf(await journalOf(test, session.id))).not.toContain("run.steered");
    door.open();
    const outcome = await within(test, run.outcome(), 5_000);

    expect(outcome).toMatchObject({ status: "completed", text: "heard: in French", turns: 2 });
    expect(await within(test, steer.outcome(), 1_000)).toEqual(outcome);
    expect(await orderOf(test, session.id)).toEqual([run.id]);
    expect(model.requests.at(-1)?.messages.map(({ role }) => role)).toEqual([
      "user",
      "assistant",
      "tool",
      "user",
    ]);
  });

  it("S4 is found by its own id, in any process, and its handle follows the run it joined", async () => {
    const { door, agent } = gated();
    const { test, session, run } = await begin(agent);
    const steer = await session.send("more", { whenActive: "steer", idempotencyKey: "once" });
    const texts: string[] = [];
    const reading = (async () => {
      for await (const text of steer.textStream) texts.push(text);
    })();
    door.open();
    await within(test, run.outcome(), 5_000);
    await within(test, reading, 1_000);
    const restarted = await test.restart();

    const found = await restarted.runtime.getRun(steer.id);
    expect(await within(restarted, found.outcome(), 1_000)).toMatchObject({
      runId: run.id,
      status: "completed",
    });
    expect(texts.join("")).toBe("heard: more");
    const again = await (
      await restarted.runtime.getSession(session.id)
    ).send("more", {
      whenActive: "steer",
      idempotencyKey: "once",
    });
    expect(again.id).toBe(steer.id);
    expect(headersOf(await journalOf(restarted, session.id), "run.accepted")).toHaveLength(2);
    const events = [];
    for await (const event of found.events()) if (event.kind === "event") events.push(event.type);
    expect(events.at(-1)).toBe("run.completed");
  });

  it("S4 becomes a run of its own where the run ends before it could join", async () => {
    const door = makeDoor();
    const slow = recordingModel([{ text: "first" }, { text: "second" }, { text: "third" }]);
    const model = {
      ...slow,
      call: async (request: Parameters<typeof slow.call>[0]) => {
        if (slow.requests.length === 0) await door.opened;
        return slow.call(request);
      },
    };
    const { test, session, run } = await begin(agentOf({ model }));
    const queued = await session.send("queued");
    const steer = await session.send("steer", { whenActive: "steer" });
    await test.clock.settle();
    door.open();

    expect(await within(test, run.outcome(), 5_000)).toMatchObject({ text: "first" });
    expect(await within(test, steer.outcome(), 5_000)).toMatchObject({
      runId: steer.id,
      status: "completed",
    });
    expect(await orderOf(test, session.id)).toEqual([run.id, queued.id, steer.id]);
  });

  it("S4 is a run like any other where none is active, and the next one joins it", async () => {
    const { model, agent } = gated({ whenActive: "steer" });
    const test = await createTestRuntime({ agents: [agent] });
    const session = await test.runtime.createSession(agent);
    const [first, second] = await Promise.all([session.send("one"), session.send("two")]);
    expect(await within(test, second.outcome(), 5_000)).toMatchObject({
      runId: first.id,
      text: "heard: two",
    });
    expect(textsOf(model)).toEqual(["one", "two"]);
  });

  it("S4 E5 can be cancelled while it waits; once it joined, that cancels the run it joined", async () => {
    const { door, agent } = gated();
    const { test, session, run } = await begin(agent);
    const early = await session.send("early", { whenActive: "steer" });
    await early.cancel();
    expect(await within(test, early.outcome(), 1_000)).toMatchObject({ status: "cancelled" });
    const late = await session.send("late", { whenActive: "steer" });
    const other = toolOf({ name: "other", effect: "read", execute: () => makeDoor().opened });
    void other;
    door.open();
    await within(test, run.outcome(), 5_000);
    await late.cancel();
    expect(await within(test, late.outcome(), 1_000)).toMatchObject({ status: "completed", runId: run.id });
  });

  it("S4 E5 cancels the run it joined, and stops what is in flight there", async () => {
    const doors = [makeDoor(), makeDoor()];
    const wait = toolOf({
      name: "wait",
      effect: "read",
      execute: (_, { callId }) => doors[callId.startsWith("call_4") ? 0 : 1]?.opened.then(() => "open"),
    });
    const model = recordingModel(() => useTool("wait"));
    const { test, session, run } = await begin(agentOf({ model, tools: [wait] }));
    const steer = await session.send("steer", { whenActive: "steer" });
    doors[0]?.open();
    await test.advanceTime(500);
    expect(typesOf(await journalOf(test, session.id))).toContain("run.steered");
    await steer.cancel();
    expect(await within(test, run.outcome(), 2_000)).toMatchObject({ status: "cancelled" });
  });

  it("S4 waits with a run that is suspended, and joins it when that goes on", async () => {
    const model = recordingModel([
      { fail: { code: "MODEL_RATE_LIMITED", retryAfterMs: 60_000 } },
      { text: "done" },
    ]);
    const { test, session, run } = await begin(agentOf({ model }));
    const steer = await session.send("also this", { whenActive: "steer" });
    await test.advanceTime(1_000);
    expect((await session.snapshot()).status).toBe("suspended");
    await within(test, steer.outcome(), 120_000);
    expect(textsOf(model)).toEqual(["go", "also this"]);
    expect(await orderOf(test, session.id)).toEqual([run.id]);
  });
});

describe("interrupt", () => {
  it("S4 E5 cancels the active run, and is next, before what was queued", async () => {
    const { agent } = gated();
    const { test, session, run } = await begin(agent);
    const queued = await session.send("queued");
    const urgent = await session.send("urgent", { whenActive: "interrupt" });

    expect(await within(test, run.outcome(), 5_000)).toMatchObject({ status: "cancelled" });
    expect(await within(test, urgent.outcome(), 5_000)).toMatchObject({ text: "heard: urgent" });
    await within(test, queued.outcome(), 5_000);
    expect(await orderOf(test, session.id)).toEqual([run.id, urgent.id, queued.id]);
  });

  it("S4 E5 aborts what is in flight in the same tick in which it is acknowledged", async () => {
    let signal: AbortSignal | undefined;
    const wait = toolOf({
      name: "wait",
      effect: "read",
      execute: (_, context) => {
        signal = context.signal;
        return makeDoor().opened;
      },
    });
    const model = recordingModel(({ lastUserText }) =>
      lastUserText === "go" ? useTool("wait") : { text: "ok" },
    );
    const { test, session } = await begin(agentOf({ model, tools: [wait], whenActive: "interrupt" }));
    const urgent = await session.send("urgent");
    expect(signal?.aborted).toBe(true);
    expect(await within(test, urgent.outcome(), 5_000)).toMatchObject({ text: "ok" });
  });

  it("S4 E5 nothing of the run starts behind it, though it comes while a start is being stored", async () => {
    const entered: string[] = [];
    const act = toolOf({ name: "act", effect: "write", execute: () => void entered.push("act") });
    const model = recordingModel(({ lastUserText }) =>
      lastUserText === "go" ? useTool("act") : { text: "ok" },
    );
    const agent = agentOf({ model, tools: [act] });
    let interrupt: (() => Promise<unknown>) | null = null;
    const test = await createTestRuntime({
      agents: [agent],
      faults: ({ operation, write }) => {
        // The commit that holds the start of the tool: posted in between, its gate is too old.
        if (operation !== "commit" || write !== 4 || interrupt === null) return null;
        void interrupt();
        return null;
      },
    });
    const session = await test.runtime.createSession(agent);
    interrupt = () => session.send("urgent", { whenActive: "interrupt" });
    const run = await session.send("go");
    expect(await within(test, run.outcome(), 5_000)).toMatchObject({ status: "cancelled" });
    expect(entered).toEqual([]);
  });
});

describe("reject", () => {
  it("S4 is refused while a run is active, also one that waits or that nobody has read, and uses up no key", async () => {
    const { door, agent } = gated({ whenActive: "reject" });
    const { test, session, run } = await begin(agent);
    const options = { idempotencyKey: "second" };
    await expect(session.send("second", options)).rejects.toMatchObject({ code: "RUN_ACTIVE" });
    // The key of what was accepted answers all the same.
    door.open();
    await within(test, run.outcome(), 5_000);
    const second = await session.send("second", options);
    expect((await session.send("second", options)).id).toBe(second.id);
    await within(test, second.outcome(), 5_000);
    expect(await orderOf(test, session.id)).toEqual([run.id, second.id]);
  });

  it("S4 of many sent at once one is accepted", async () => {
    const { agent } = gated();
    const test = await createTestRuntime({ agents: [agent] });
    const session = await test.runtime.createSession(agent);
    const sent = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) => session.send(`${index}`, { whenActive: "reject" })),
    );
    expect(sent.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });
});

describe("a process that dies around any write while inputs come in", () => {
  const play = async (deaths: Parameters<typeof throughDeaths>[1]) => {
    const model = recordingModel(({ messages }) => {
      const turns = messages.filter(({ role }) => role === "assistant").length;
      return turns < 2 ? useTool("look") : { text: "done" };
    });
    const look = toolOf({ name: "look", effect: "read", execute: () => "seen" });
    const agent = agentOf({ model, tools: [look] });
    const test = await throughDeaths({ agent, livesMs: 70_000 }, deaths, async ({ runtime }) => {
      const session = await runtime.createSession(agent, { key: "task" });
      await session.send("go", { idempotencyKey: "one" });
      await session.send("steer", { idempotencyKey: "two", whenActive: "steer" });
      await session.send("urgent", { idempotencyKey: "three", whenActive: "interrupt" });
    });
    const { sessions } = await test.runtime.listSessions();
    const id = sessions[0]?.sessionId ?? "";
    const session = await test.runtime.getSession(id);
    const runs = await Promise.all([
      session.send("go", { idempotencyKey: "one" }),
      session.send("steer", { idempotencyKey: "two", whenActive: "steer" }),
      session.send("urgent", { idempotencyKey: "three", whenActive: "interrupt" }),
    ]);
    const outcomes = [];
    for (const run of runs) outcomes.push(await within(test, run.outcome({ until: "settled" }), 90_000));
    const events = await journalOf(test, id);
    await test.close();
    return { outcomes, events };
  };

  it("S4 J5 J6 accepts each once, works each once, and says so: before and after every write", async () => {
    for (const death of [null, ...deathsUpTo(12)]) {
      const { outcomes, events } = await play(death === null ? [] : [death]);
      expect(headersOf(events, "run.accepted")).toHaveLength(3);
      expect(outcomes[2]).toMatchObject({ status: "completed" });
      for (const { status } of outcomes) expect(["completed", "cancelled"]).toContain(status);
      const begun = headersOf(events, "run.started").map(({ runId }) => runId);
      const joined = headersOf(events, "run.steered").map(({ steerId }) => steerId);
      expect(new Set([...begun, ...joined]).size).toBe(begun.length + joined.length);
    }
  }, 60_000);
});
