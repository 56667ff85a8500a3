import { dueIds } from "../testing/conformance/due-ids.ts";
import { describe, expect, it } from "vitest";
import { EVENT_VERSION } from "../core/event.ts";
import { STATE_VERSION } from "../core/session-state.ts";
import { createFaultyStore, createTestRuntime } from "../testing/index.ts";
import { SessionScript } from "../testing/conformance/session-script.ts";
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
import { createRuntime } from "./index.ts";

describe("a session that a worker of a newer version has claimed", () => {
  it("S6 is left to it: not claimed, not folded, its inputs kept, and said so", async () => {
    const model = recordingModel([{ text: "one" }, { text: "two" }]);
    const agent = agentOf({ model });
    const logger = keepingLogger();
    const test = await createTestRuntime({ agents: [agent], logger });
    const session = await test.runtime.createSession(agent);
    const other = await test.runtime.createSession(agent);
    const newer = test.store.attach(EVENT_VERSION + 1);
    const head = await newer.head(session.id);
    const script = new SessionScript(newer, test.clock, session.id);
    script.position = head?.position ?? 0;
    script.hash = head?.hash ?? script.hash;
    await script.mustCommit({ events: [], lease: { kind: "claim", holder: newer.holderId, ttlMs: 1_000 } });
    await script.mustCommit({ events: [], lease: { kind: "release" }, wakeAt: test.clock.now() });

    await session.send("Is anybody there?");
    await test.advanceTime(60_000);

    expect((await test.store.load(session.id))?.head).toMatchObject({ epoch: 1, position: script.position });
    expect((await test.store.load(session.id))?.signals).toHaveLength(1);
    expect(model.requests).toEqual([]);
    expect(logger.lines.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
    expect(logger.lines).toMatchObject([
      { level: "info", fields: { sessionId: session.id, minReader: EVENT_VERSION + 1 } },
    ]);
    // Others go on as ever, and the newer version finds what was sent.
    expect(await within(test, (await other.send("And you?")).outcome(), 5_000)).toMatchObject({
      text: "one",
    });
    expect(await dueIds(newer, { agents: [agent.name], limit: 10 })).toEqual([session.id]);
  });
});

describe("a session with a snapshot of another version of the state", () => {
  it("S6 J3 goes on from its whole journal, and can be looked at", async () => {
    const model = recordingModel([{ text: "one" }, { text: "two" }]);
    const agent = agentOf({ model });
    const logger = keepingLogger();
    const test = await createTestRuntime({ agents: [agent], logger });
    const session = await test.runtime.createSession(agent);
    await within(test, (await session.send("First.")).outcome(), 5_000);
    const head = await test.store.head(session.id);
    expect(head?.position).toBeGreaterThan(4);
    const stateVersion = STATE_VERSION + 1;
    const snapshot = { position: 4, headHash: new Uint8Array(), stateVersion, state: "{}" };
    const [fourth] = await test.store.readAt(session.id, [4]);
    await test.store.saveSnapshot(session.id, { ...snapshot, headHash: fourth?.hash ?? snapshot.headHash });
    expect((await test.store.load(session.id))?.snapshot?.stateVersion).toBe(stateVersion);

    const next = await test.restart();
    const again = await next.runtime.getSession(session.id);
    expect(await again.snapshot()).toMatchObject({ status: "completed", position: head?.position });
    expect(await within(next, (await again.send("Second.")).outcome(), 5_000)).toMatchObject({ text: "two" });
    expect(logger.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("a run that a process of an older version left waiting for a tool", () => {
  const hang = toolOf({ name: "act", effect: "read", execute: () => makeDoor().opened });
  const act = toolOf({ name: "act", effect: "read", execute: () => "acted" });
  const clerk = (tools: readonly (typeof act)[]) =>
    agentOf({
      model: recordingModel(({ toolResults }) =>
        toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "act" }] },
      ),
      tools: [...tools],
    });

  /** The first, which begins, and dies; an older one, which takes over; and more, which are there all the time. */
  const deploy = async (more: readonly (readonly (typeof act)[])[]) => {
    const test = await createTestRuntime({ agents: [clerk([hang])] });
    const session = await test.runtime.createSession("clerk");
    const run = await session.send("go");
    await test.clock.settle();
    const { clock } = test;
    const logger = keepingLogger();
    for (const tools of [[], ...more])
      await createRuntime({ agents: [clerk(tools)], store: test.store.attach(), clock, logger });
    test.crashAfter(0);
    await test.store.close();
    const store = test.store.attach();
    const looking = await createRuntime({ agents: [clerk([])], store, clock, isWorker: false });
    const found = await looking.getRun(run.id);
    const waiting = await within(test, found.outcome(), 60_000);
    expect(waiting).toMatchObject({ waitingFor: [{ kind: "definition", name: "act" }] });
    return { test, store, run: found, sessionId: session.id };
  };

  it("S6 goes on in a newer one that was there before it was left waiting", async () => {
    const { test, store, run, sessionId } = await deploy([[act]]);
    await test.advanceTime(20_000);
    expect(await within(test, run.outcome(), 1_000)).toMatchObject({ status: "completed", text: "done" });
    expect(headersOf(await journalOf({ store }, sessionId), "run.resumed")).toMatchObject([
      { by: "definition" },
    ]);
  });

  it("S6 is left in peace by those that do not know it either", async () => {
    const { test, store, run, sessionId } = await deploy([[], []]);
    const before = await journalOf({ store }, sessionId);
    await test.advanceTime(600_000);
    expect(await within(test, run.outcome(), 1_000)).toMatchObject({ status: "suspended" });
    expect(await journalOf({ store }, sessionId)).toHaveLength(before.length);
  });
});

describe("a run that waits for tools in a fleet that is not of one piece", () => {
  const hang = (name: string) => toolOf({ name, effect: "read", execute: () => makeDoor().opened });
  const works = (name: string) => toolOf({ name, effect: "read", execute: () => name });
  const clerk = (names: readonly string[], tools: readonly ReturnType<typeof hang>[]) =>
    agentOf({
      model: recordingModel(({ toolResults }) =>
        toolResults.length > 0 ? { text: "done" } : { toolCalls: names.map((name) => ({ name })) },
      ),
      tools: [...tools],
    });

  /** A process that begins the calls and will die in them. */
  const begin = async (names: readonly string[]) => {
    const test = await createTestRuntime({ agents: [clerk(names, names.map(hang))] });
    const session = await test.runtime.createSession("clerk");
    const run = await session.send("go");
    await test.clock.settle();
    const die = async (): Promise<void> => {
      test.crashAfter(0);
      await test.store.close();
    };
    return { test, die, sessionId: session.id, runId: run.id, clock: test.clock, logger: keepingLogger() };
  };

  it("S6 goes on where any of the tools is, and then where the next one is", async () => {
    const names = ["left", "right"];
    const { test, die, runId, clock, logger } = await begin(names);
    for (const tools of [[], [works("left")], [works("right")]])
      await createRuntime({ agents: [clerk(names, tools)], store: test.store.attach(), clock, logger });
    const store = test.store.attach();
    const looking = await createRuntime({ agents: [clerk(names, [])], store, clock, isWorker: false });
    await die();
    const run = await looking.getRun(runId);
    expect(await within(test, run.outcome({ until: "settled" }), 120_000)).toMatchObject({ text: "done" });
  });

  it("S6 goes on though the one that left it waiting had not let it go when it was found", async () => {
    const { test, die, runId, clock, logger } = await begin(["act"]);
    const slow = createFaultyStore({
      store: test.store.attach(),
      clock,
      decide: ({ commit }) => (commit?.lease.kind === "release" ? { kind: "delay", ms: 20_000 } : null),
    });
    await createRuntime({ agents: [clerk(["act"], [])], store: slow, clock, logger });
    const store = test.store.attach();
    const newer = await createRuntime({ agents: [clerk(["act"], [works("act")])], store, clock, logger });
    await die();
    const run = await newer.getRun(runId);
    expect(await within(test, run.outcome(), 120_000)).toMatchObject({ status: "completed", text: "done" });
  });

  it("S6 is not awaited where its tool is, when only a newer version may take it", async () => {
    const { test, die, runId, clock, logger } = await begin(["act"]);
    const ofNext = test.store.attach(EVENT_VERSION + 1);
    await createRuntime({ agents: [clerk(["act"], [])], store: ofNext, clock, logger });
    const store = test.store.attach();
    const here = await createRuntime({ agents: [clerk(["act"], [works("act")])], store, clock, logger });
    await die();
    const run = await here.getRun(runId);
    expect(await within(test, run.outcome(), 120_000)).toMatchObject({
      status: "suspended",
      waitingFor: [{ kind: "definition", name: "act" }],
    });
  });
});
