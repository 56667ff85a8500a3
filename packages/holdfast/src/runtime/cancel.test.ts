import { describe, expect, it } from "vitest";
import { ToolError } from "../core/errors.ts";
import { openEvent } from "../core/journal-codec.ts";
import { createTestRuntime, type StoreCall, type TestRuntime } from "../testing/index.ts";
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
import { createRuntime, type AgentDefinition } from "./index.ts";

const useTool = (name: string) => ({ toolCalls: [{ name, input: {} }] });

/** Starts a run and lets it come to rest, in flight or not. */
const begin = async (agent: AgentDefinition, faults?: (call: StoreCall) => null) => {
  const test = await createTestRuntime({ agents: [agent], ...(faults === undefined ? {} : { faults }) });
  const session = await test.runtime.createSession(agent);
  const run = await session.send("go");
  await test.clock.settle();
  return { test, session, run };
};

/** Minds no signal, and answers once its door is open. */
const deafTool = () => {
  const door = makeDoor();
  const execute = async (): Promise<string> => {
    await door.opened;
    return "late news";
  };
  return { door, deaf: toolOf({ name: "deaf", effect: "read", execute }) };
};

const effectsAfterCancel = async (test: TestRuntime, sessionId: string): Promise<readonly string[]> => {
  const types = typesOf(await journalOf(test, sessionId));
  return types
    .slice(types.indexOf("run.cancel-requested"))
    .filter((type) => type === "tool-call.started" || type === "model-call.started");
};

describe("cancel", () => {
  it("E5 stops a model call in flight: aborted, charged by estimate, the run ends cancelled", async () => {
    let signal: AbortSignal | undefined;
    const hanging = recordingModel([{ hang: true }]);
    const model = {
      ...hanging,
      call: (request: Parameters<typeof hanging.call>[0]) => {
        signal = request.signal;
        return hanging.call(request);
      },
    };
    const { test, session, run } = await begin(agentOf({ model }));

    await run.cancel("enough");
    expect(signal?.aborted).toBe(true);
    const outcome = await within(test, run.outcome(), 5_000);

    expect(outcome).toMatchObject({ status: "cancelled", unknownCalls: [], estimatedCalls: 1 });
    const [failed] = headersOf(await journalOf(test, session.id), "model-call.failed");
    expect(failed).toMatchObject({ code: "MODEL_CALL_CANCELLED", next: { kind: "give-up" } });
    expect(await effectsAfterCancel(test, session.id)).toEqual([]);
  });

  it("E5 stops a tool that obeys its signal, and tells the next run what became of the call", async () => {
    const slow = toolOf({
      name: "slow",
      effect: "read",
      execute: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    });
    const model = recordingModel(({ messages, lastUserText }) =>
      lastUserText === "again" ? { text: `${messages.length}` } : useTool("slow"),
    );
    const { test, session, run } = await begin(agentOf({ model, tools: [slow] }));

    await run.cancel();
    expect((await within(test, run.outcome(), 5_000)).status).toBe("cancelled");
    const [failed] = headersOf(await journalOf(test, session.id), "tool-call.failed");
    expect(failed?.code).toBe("TOOL_CANCELLED");

    // The recording model refuses a transcript with an open call (E3).
    const again = await session.send("again");
    expect(await within(test, again.outcome(), 5_000)).toMatchObject({ status: "completed", text: "4" });
    const results = model.requests.at(-1)?.messages.find((message) => message.role === "tool")?.results;
    expect(results?.[0]?.output).toMatchObject({ type: "error" });
    expect(JSON.stringify(results)).toContain("TOOL_CANCELLED");
  });

  it("E5 does not wait for a tool that ignores its signal; its late result is recorded and not used", async () => {
    const { door, deaf } = deafTool();
    const model = recordingModel(({ lastUserText }) =>
      lastUserText === "again" ? { text: "ok" } : useTool("deaf"),
    );
    const { test, session, run } = await begin(agentOf({ model, tools: [deaf] }));

    await run.cancel();
    expect((await within(test, run.outcome(), 5_000)).status).toBe("cancelled");
    door.open();
    await test.advanceTime(3_000);

    const events = await journalOf(test, session.id);
    expect(headersOf(events, "tool-call.late")).toMatchObject([{ attempt: 1, status: "completed" }]);
    const late = events.find(({ header }) => header.type === "tool-call.late");
    expect(late?.payload).toMatchObject({ output: { type: "text", value: "late news" } });
    expect(headersOf(events, "tool-call.completed")).toEqual([]);
    const again = await session.send("again");
    await within(test, again.outcome(), 5_000);
    expect(JSON.stringify(model.requests.at(-1)?.messages)).not.toContain("late news");
  });

  it("J4 stores no late result that is erased in the moment in which it is stored", async () => {
    const { door, deaf } = deafTool();
    let isErasing = false;
    const faults = ({ commit }: StoreCall): null => {
      const isLate =
        commit?.events.some((stored) => openEvent(stored).header.type === "tool-call.late") === true;
      if (!isErasing || !isLate) return null;
      isErasing = false;
      // Done when it is called: the commit comes behind it.
      void test.store.erase(session.id);
      return null;
    };
    const agent = agentOf({ model: recordingModel(() => useTool("deaf")), tools: [deaf] });
    const { test, session, run } = await begin(agent, faults);
    await run.cancel();
    await within(test, run.outcome(), 5_000);
    isErasing = true;
    door.open();
    await test.advanceTime(3_000);

    const events = await journalOf(test, session.id);
    expect(isErasing).toBe(false);
    expect(headersOf(events, "tool-call.late")).toEqual([]);
    expect(JSON.stringify(events).includes("late news")).toBe(false);
  });

  it("E5 E2 lists an aborted write as unknown", async () => {
    const pay = toolOf({ name: "pay", effect: "write", execute: () => makeDoor().opened });
    const model = recordingModel([useTool("pay"), { text: "never" }]);
    const { test, session, run } = await begin(agentOf({ model, tools: [pay] }));

    await run.cancel();
    const outcome = await within(test, run.outcome(), 5_000);

    const [started] = headersOf(await journalOf(test, session.id), "tool-call.started");
    expect(outcome).toMatchObject({ status: "cancelled", unknownCalls: [started?.callId] });
  });

  it("E5 E2 takes the word of an aborted write that says it did nothing", async () => {
    const pay = toolOf({
      name: "pay",
      effect: "write",
      execute: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new ToolError("stopped", { executed: false })));
        }),
    });
    const model = recordingModel([useTool("pay")]);
    const { test, run } = await begin(agentOf({ model, tools: [pay] }));

    await run.cancel();
    expect(await within(test, run.outcome(), 5_000)).toMatchObject({ status: "cancelled", unknownCalls: [] });
  });

  it("E5 ends a wait between two attempts at once", async () => {
    const model = recordingModel([
      { fail: { code: "MODEL_RATE_LIMITED", retryAfterMs: 4_000 } },
      { text: "no" },
    ]);
    const { test, run } = await begin(agentOf({ model }));

    await run.cancel();
    await test.clock.settle();
    expect((await within(test, run.outcome(), 100)).status).toBe("cancelled");
    await test.advanceTime(10_000);
    expect(model.requests).toHaveLength(1);
  });

  it("E5 ends a suspended run", async () => {
    const model = recordingModel([{ fail: { code: "MODEL_RATE_LIMITED", retryAfterMs: 3_600_000 } }]);
    const { test, session, run } = await begin(agentOf({ model }));
    expect((await session.snapshot()).status).toBe("suspended");

    await run.cancel();
    expect((await within(test, run.outcome(), 100)).status).toBe("cancelled");
    await test.advanceTime(4_000_000);
    expect(model.requests).toHaveLength(1);
  });

  it("E5 takes a run out of the queue without starting it", async () => {
    const door = makeDoor();
    const wait = toolOf({ name: "wait", effect: "read", execute: () => door.opened });
    const model = recordingModel(({ toolResults, lastUserText }) =>
      lastUserText === "go" && toolResults.length === 0 ? useTool("wait") : { text: lastUserText },
    );
    const { test, session, run } = await begin(agentOf({ model, tools: [wait] }));
    const second = await session.send("second");
    const third = await session.send("third");

    await second.cancel();
    door.open();
    expect(await within(test, second.outcome(), 5_000)).toMatchObject({ status: "cancelled", turns: 0 });
    expect(await within(test, run.outcome(), 5_000)).toMatchObject({ status: "completed", text: "go" });
    expect(await within(test, third.outcome(), 5_000)).toMatchObject({ status: "completed", text: "third" });
    expect(model.requests.some((request) => JSON.stringify(request.messages).includes("second"))).toBe(false);
  });

  it("E5 session.cancel also stops inputs that no worker has read yet", async () => {
    const test = await createTestRuntime({ agents: [agentOf({ model: recordingModel([]) })] });
    const onlooker = await createRuntime({
      agents: [agentOf({ model: recordingModel([]) })],
      store: test.store.attach(),
      clock: test.clock,
      isWorker: false,
    });
    await test.close();
    const session = await onlooker.createSession("clerk");
    const runs = [await session.send("one"), await session.send("two")];

    expect(await session.cancel()).toEqual(runs.map((run) => run.id));
  });

  it("E5 session.cancel begins none of the runs behind the active one, however slow the store is", async () => {
    const agent = agentOf({ model: recordingModel(() => ({ hang: true })) });
    let isSlow = false;
    const test = await createTestRuntime({
      agents: [agent],
      faults: ({ operation }) => (isSlow && operation === "post" ? { kind: "delay", ms: 500 } : null),
    });
    const session = await test.runtime.createSession(agent);
    const runs = [await session.send("one"), await session.send("two"), await session.send("three")];
    await test.clock.settle();
    isSlow = true;
    expect(await within(test, session.cancel(), 5_000)).toEqual(runs.map((run) => run.id));
    for (const run of runs) {
      expect((await within(test, run.outcome(), 5_000)).status).toBe("cancelled");
    }
    expect(headersOf(await journalOf(test, session.id), "run.started")).toHaveLength(1);
  });

  it("E5 is harmless twice, and after the end", async () => {
    const { test, session, run } = await begin(
      agentOf({ model: recordingModel([{ hang: true }, { text: "hi" }]) }),
    );
    await Promise.all([run.cancel(), run.cancel()]);
    expect((await within(test, run.outcome(), 5_000)).status).toBe("cancelled");
    await run.cancel();
    await test.advanceTime(2_000);

    const events = await journalOf(test, session.id);
    expect(headersOf(events, "run.cancel-requested")).toHaveLength(1);
    expect(headersOf(events, "run.cancelled")).toHaveLength(1);
    const next = await session.send("next");
    expect((await within(test, next.outcome(), 5_000)).status).toBe("completed");
  });

  it("E5 between the commit of a start and its launch keeps the tool from being entered", async () => {
    const entered: string[] = [];
    const pay = toolOf({ name: "pay", effect: "write", execute: () => entered.push("pay") });
    const model = recordingModel([useTool("pay")]);
    const agent = agentOf({ model, tools: [pay] });
    const test = await createTestRuntime({
      agents: [agent],
      faults: ({ commit }) =>
        commit?.events.some((event) => event.header.includes("tool-call.started")) === true
          ? { kind: "delay", ms: 1_000 }
          : null,
    });
    const session = await test.runtime.createSession(agent);
    const run = await session.send("go");
    await test.clock.settle();
    await run.cancel();
    const outcome = await within(test, run.outcome(), 5_000);

    expect(entered).toEqual([]);
    expect(outcome).toMatchObject({ status: "cancelled", unknownCalls: [] });
  });

  it("E5 after the commit of a start was answered keeps what it starts from being entered", async () => {
    const entered: string[] = [];
    const pay = toolOf({ name: "pay", effect: "write", execute: () => entered.push("pay") });
    const model = recordingModel([useTool("pay")]);
    const agent = agentOf({ model, tools: [pay] });
    let cancel: () => Promise<void> = async () => undefined;
    const test = await createTestRuntime({ agents: [agent] });
    const { store } = test;
    const commit = store.commit.bind(store);
    store.commit = async (request) => {
      const answer = await commit(request);
      const isStart = request.events.some((event) => event.header.includes("tool-call.started"));
      if (isStart) await cancel();
      return answer;
    };
    const session = await test.runtime.createSession(agent);
    const run = await session.send("go");
    cancel = () => run.cancel();
    const outcome = await within(test, run.outcome(), 5_000);

    expect(entered).toEqual([]);
    expect(headersOf(await journalOf(test, session.id), "tool-call.started")).toHaveLength(1);
    expect(outcome).toMatchObject({ status: "cancelled", unknownCalls: [] });
  });

  it("E5 keeps a model from being called whose start was committed before", async () => {
    const model = recordingModel([{ text: "never" }]);
    const agent = agentOf({ model });
    let cancel: () => Promise<void> = async () => undefined;
    const test = await createTestRuntime({ agents: [agent] });
    const { store } = test;
    const commit = store.commit.bind(store);
    store.commit = async (request) => {
      const answer = await commit(request);
      if (request.isFenced) await cancel();
      return answer;
    };
    const session = await test.runtime.createSession(agent);
    const run = await session.send("go");
    cancel = () => run.cancel();
    expect((await within(test, run.outcome(), 5_000)).status).toBe("cancelled");
    expect(model.requests).toEqual([]);
  });

  it("E5 from another runtime comes before a start whose commit is under way", async () => {
    const entered: string[] = [];
    const pay = toolOf({ name: "pay", effect: "write", execute: () => entered.push("pay") });
    const agent = agentOf({ model: recordingModel([useTool("pay")]), tools: [pay] });
    const test = await createTestRuntime({
      agents: [agent],
      faults: ({ commit }) =>
        commit?.events.some((event) => event.header.includes("tool-call.started")) === true
          ? { kind: "delay", ms: 1_000 }
          : null,
    });
    const other = await createRuntime({ agents: [], store: test.store.attach(), clock: test.clock });
    const session = await test.runtime.createSession(agent);
    const run = await session.send("go");
    await test.clock.settle();
    await (await other.getRun(run.id)).cancel();
    expect(await within(test, run.outcome(), 5_000)).toMatchObject({ status: "cancelled", unknownCalls: [] });
    expect(entered).toEqual([]);
    expect(typesOf(await journalOf(test, session.id))).not.toContain("tool-call.started");
    await other.close();
  });

  it("E5 reaches a run that another runtime on the same store is working", async () => {
    const agent = agentOf({ model: recordingModel([{ hang: true }]) });
    const { test, session, run } = await begin(agent);
    const other = await createRuntime({ agents: [agent], store: test.store.attach(), clock: test.clock });

    await (await other.getRun(run.id)).cancel();
    await test.clock.settle();
    expect((await within(test, run.outcome(), 1_000)).status).toBe("cancelled");
    expect((await within(test, (await other.getRun(run.id)).outcome(), 1_000)).status).toBe("cancelled");
    expect(await effectsAfterCancel(test, session.id)).toEqual([]);
    await other.close();
  });
});
