import { describe, expect, it } from "vitest";
import { createFaultyStore, createTestRuntime } from "../testing/index.ts";
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
import type { CommitRequest, SessionHead } from "../ports/journal-store.ts";
import { createRuntime } from "./create-runtime.ts";

describe("what the simulation found", () => {
  it("S3 an input behind a suspended run waits, and the worker does not look for it without end", async () => {
    const pay = toolOf({
      name: "pay",
      effect: "write",
      execute: () => {
        throw new TypeError("socket hang up");
      },
    });
    const model = recordingModel(() => ({ toolCalls: [{ name: "pay", input: { cents: 5 } }] }));
    let loads = 0;
    const test = await createTestRuntime({
      agents: [agentOf({ model, tools: [pay] })],
      faults: ({ operation }) => {
        if (operation === "load") loads += 1;
        // A worker that looks again and again would never let this test end.
        return loads > 1_000 ? { kind: "hang" } : null;
      },
    });
    const session = await test.runtime.createSession("clerk");
    await session.send("first");
    await test.advanceTime(60_000);
    await session.send("second");
    await test.advanceTime(60_000);
    expect(loads).toBeLessThan(20);
    const { status, queuedRuns } = await session.snapshot();
    expect([status, queuedRuns.length]).toEqual(["suspended", 1]);
    await test.close();
  });

  it("S3 S6 a run that waits for a definition is not looked at without end when the time of another wait has come", async () => {
    const pay = toolOf({
      name: "pay",
      effect: "write",
      timeoutMs: 20_000,
      verify: () => ({ status: "not-done" }),
      execute: () => {
        throw new TypeError("socket hang up");
      },
    });
    const door = makeDoor();
    let entered = 0;
    const busy = (name: string) =>
      toolOf({
        name,
        effect: "idempotent",
        retry: { maxAttempts: 3, initialDelayMs: 8_000, maxDelayMs: 8_000 },
        execute: () => {
          entered += 1;
          if (entered > 2) return door.opened;
          throw new TypeError("busy");
        },
      });
    const [put, look] = [busy("put"), busy("look")];
    const model = recordingModel(() => ({
      toolCalls: ["pay", "put", "look"].map((name) => ({ name, input: { cents: 5 } })),
    }));
    let loads = 0;
    const agents = [agentOf({ model, tools: [pay, put, look] })];
    const test = await createTestRuntime({ agents });
    const session = await test.runtime.createSession("clerk");
    await session.send("go");
    await test.advanceTime(2_000);
    // A process that tells of ends looks again after each session.
    const next = await test.restart({
      agents: [agentOf({ model, tools: [pay, look] })],
      onSettled: () => undefined,
      faults: ({ operation }) => {
        if (operation === "load") loads += 1;
        return loads > 1_000 ? { kind: "hang" } : null;
      },
    });
    // It holds the session for what it knows, and lets it go when that is done.
    await next.advanceTime(12_000);
    door.open();
    await next.advanceTime(120_000);
    expect(loads).toBeLessThan(50);
    const { sessions } = await next.runtime.listSessions({ waiting: "definition" });
    expect(sessions).toMatchObject([{ sessionId: session.id, wakeAt: null }]);
    await next.close();
  });

  it("E6 a tool whose start took until its run's time was over is not entered", async () => {
    let entered = 0;
    const look = toolOf({ name: "look", effect: "read", execute: () => (entered += 1) });
    const model = recordingModel(({ toolResults }) =>
      toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "look" }] },
    );
    const limits = { maxDurationMs: 5_000 };
    const test = await createTestRuntime({
      agents: [agentOf({ model, tools: [look], limits })],
      faults: ({ commit }) =>
        commit?.events.some(({ header }) => header.includes("tool-call.started"))
          ? { kind: "delay", ms: 6_000 }
          : null,
    });
    const run = await (await test.runtime.createSession("clerk")).send("go");
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({
      status: "failed",
      failure: { code: "RUN_TIMEOUT" },
    });
    expect(entered).toBe(0);
    await test.close();
  });

  it("E6 E8 a model call whose start took until its run's time was over is not made, and costs nothing", async () => {
    let called = 0;
    const model = recordingModel(() => {
      called += 1;
      return { text: "done" };
    });
    const test = await createTestRuntime({
      agents: [agentOf({ model, limits: { maxDurationMs: 5_000 } })],
      faults: ({ commit }) =>
        commit?.events.some(({ header }) => header.includes("model-call.started"))
          ? { kind: "delay", ms: 6_000 }
          : null,
    });
    const session = await test.runtime.createSession("clerk");
    const run = await session.send("go");
    const outcome = await within(test, run.outcome(), 60_000);
    expect(outcome).toMatchObject({ status: "failed", failure: { code: "RUN_TIMEOUT" } });
    expect(called).toBe(0);
    expect(headersOf(await journalOf(test, session.id), "model-call.failed")).toMatchObject([
      { code: "RUN_TIMEOUT", charge: { isEstimate: false, costUsd: 0 } },
    ]);
    await test.close();
  });

  it("E6 S3 a verification is stopped when its run's time is over, though the next run begins in the same commit", async () => {
    const signals: AbortSignal[] = [];
    const pay = toolOf({
      name: "pay",
      effect: "write",
      timeoutMs: 600_000,
      execute: () => {
        throw new TypeError("socket hang up");
      },
      verify: (_, { signal }) => {
        signals.push(signal);
        return new Promise<never>(() => {});
      },
    });
    const model = recordingModel(({ lastUserText }) =>
      lastUserText === "first" ? { toolCalls: [{ name: "pay", input: { cents: 5 } }] } : { text: "done" },
    );
    const limits = { maxDurationMs: 5_000 };
    const test = await createTestRuntime({ agents: [agentOf({ model, tools: [pay], limits })] });
    const session = await test.runtime.createSession("clerk");
    await session.send("first");
    const second = await session.send("second");
    expect(await within(test, second.outcome(), 900_000)).toMatchObject({ status: "completed" });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    await test.advanceTime(1_000);
    expect((await test.store.load(session.id))?.lease).toBeNull();
    await test.close();
  });

  it("J1 J2 a release whose answer was lost is a release: what comes after it is claimed anew", async () => {
    const pay = toolOf({
      name: "pay",
      effect: "write",
      execute: () => {
        throw new TypeError("socket hang up");
      },
    });
    const twice = [0, 1].map((n) => ({ name: "pay", input: { n } }));
    const model = recordingModel(({ toolResults }) =>
      toolResults.length === 0 ? { toolCalls: twice } : isFirst ? { hang: true } : { text: "done" },
    );
    let isFirst = true;
    let lost = 0;
    const test = await createTestRuntime({
      agents: [agentOf({ model, tools: [pay] })],
      faults: ({ operation, commit }) => {
        // The store stays away for a moment after the release is stored.
        if (operation === "recover" && lost === 1) return { kind: "fail-before" };
        if (commit?.lease.kind !== "release" || commit.events.length > 0 || lost > 0) return null;
        lost += 1;
        return { kind: "fail-after" };
      },
    });
    const session = await test.runtime.createSession("clerk");
    const run = await session.send("go");
    await test.advanceTime(60_000);
    const { openCalls } = await session.snapshot();
    expect(openCalls.map((call) => call.status)).toEqual(["unknown", "unknown"]);
    const [first, second] = openCalls.map((call) => call.callId);
    await session.resolveCall(first ?? "", { as: "failed" });
    await test.clock.settle();
    await session.resolveCall(second ?? "", { as: "failed" });
    lost = 2;
    await test.advanceTime(1_000);
    isFirst = false;
    const next = await test.restart();
    const again = await next.runtime.getRun(run.id);
    expect(await within(next, again.outcome(), 60_000)).toMatchObject({ status: "completed", text: "done" });
    await next.close();
  });

  it("S3 a claim without a word, whose answer was lost, leaves no lease behind", async () => {
    let lost = 0;
    const test = await createTestRuntime({
      agents: [agentOf({ model: recordingModel(() => ({ text: "done" })) })],
      faults: ({ commit }) => {
        if (commit?.lease.kind !== "claim" || commit.events.length > 0 || lost > 0) return null;
        lost += 1;
        return { kind: "fail-after" };
      },
    });
    const session = await test.runtime.createSession("clerk");
    const run = await session.send("go");
    await within(test, run.outcome(), 5_000);
    // It has ended: the cancel becomes no event, and is read all the same.
    const cancel = { sessionId: session.id, kind: "cancel", dedupeKey: null, runId: run.id } as const;
    await test.store.attach().post([{ ...cancel, body: "{}", blobs: [] }]);
    await test.advanceTime(5_000);
    expect(lost).toBe(1);
    expect(await test.store.load(session.id)).toMatchObject({ lease: null, signals: [] });
    await test.close();
  });

  it("S3 a session with nothing to do, whose holder died, is let go and not looked at without end", async () => {
    let loads = 0;
    const test = await createTestRuntime({
      agents: [agentOf({ model: recordingModel(() => ({ text: "done" })) })],
      faults: ({ operation }) => {
        if (operation === "load") loads += 1;
        return null;
      },
    });
    const session = await test.runtime.createSession("clerk");
    const run = await session.send("go");
    await within(test, run.outcome(), 5_000);
    const other = test.store.attach();
    const { head } = (await other.load(session.id)) ?? {};
    if (head === undefined) throw new TypeError("the session is gone");
    const claimed = await other.commit(claimOf(session.id, head, other.holderId));
    expect(claimed.status).toBe("ok");
    await other.close();
    loads = 0;
    await test.advanceTime(60_000);
    expect(loads).toBeLessThan(5);
    expect(await test.store.load(session.id)).toMatchObject({ lease: null });
    await test.close();
  });

  it("E5 J6 a cancel heard of before its input, which another process posted, is not lost", async () => {
    const model = recordingModel(({ lastUserText }) =>
      lastUserText === "first" && !isDone ? { hang: true } : { text: "done" },
    );
    let isDone = false;
    const test = await createTestRuntime({
      agents: [agentOf({ model })],
      faults: ({ operation, call }) =>
        operation === "load" && call > 3 && !isDone ? { kind: "delay", ms: 100 } : null,
    });
    const session = await test.runtime.createSession("clerk");
    await session.send("first");
    await test.advanceTime(1_000);
    const other = test.store.attach();
    const input = { sessionId: session.id, kind: "input", dedupeKey: null, runId: "run_other" } as const;
    await other.post([{ ...input, body: JSON.stringify({ content: "second" }), blobs: [] }]);
    await session.cancelRun("run_other");
    await test.advanceTime(1_000);
    isDone = true;
    expect(await within(test, session.run("run_other").outcome(), 5_000)).toMatchObject({
      status: "cancelled",
    });
    await session.cancel();
    await test.advanceTime(1_000);
    await test.close();
  });

  it("E5 J6 a cancel that comes while its session is looked at does not overtake its input", async () => {
    const model = recordingModel(({ lastUserText }) =>
      lastUserText === "first" && !isDone ? { hang: true } : { text: "done" },
    );
    let isDone = false;
    let isSlow = false;
    const test = await createTestRuntime({
      agents: [agentOf({ model })],
      faults: ({ operation }) => {
        if (operation !== "load" || !isSlow) return null;
        isSlow = false;
        return { kind: "answer-late", ms: 500 };
      },
    });
    const session = await test.runtime.createSession("clerk");
    const first = await session.send("first");
    await test.advanceTime(1_000);
    const other = test.store.attach();
    const post = (runId: string) =>
      other.post([
        {
          sessionId: session.id,
          kind: "input",
          dedupeKey: null,
          runId,
          body: JSON.stringify({ content: runId }),
          blobs: [],
        },
      ]);
    isSlow = true;
    await post("run_before");
    await test.advanceTime(200);
    await post("run_other");
    await session.cancelRun("run_other");
    await test.advanceTime(2_000);
    isDone = true;
    await session.cancelRun(first.id);
    expect(await within(test, session.run("run_other").outcome(), 5_000)).toMatchObject({
      status: "cancelled",
    });
    await test.close();
  });

  it("J4 a run whose instructions were erased goes on under them in another process", async () => {
    let isFirst = true;
    const model = recordingModel(() => (isFirst ? { hang: true } : { text: "done" }));
    const test = await createTestRuntime({ agents: [agentOf({ model })] });
    const session = await test.runtime.createSession("clerk");
    const { id } = await session.send("go");
    await test.advanceTime(1_000);
    const { position } = await session.snapshot();
    await test.store.erase(session.id, { upTo: position });
    isFirst = false;
    const next = await test.restart();
    const run = await next.runtime.getRun(id);
    expect(await within(next, run.outcome(), 60_000)).toMatchObject({ status: "completed" });
    expect(model.requests.map(({ system }) => system)).toEqual(["Work.", "Work."]);
    await next.close();
  });

  /** A run whose instructions were erased while its model was called, in the hands of another process. */
  const erased = async (instructions: () => string) => {
    let isFirst = true;
    const model = recordingModel(({ toolResults }) => {
      if (isFirst) return { hang: true };
      return toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "look" }] };
    });
    const look = toolOf({ name: "look", effect: "read", execute: () => "seen" });
    const test = await createTestRuntime({ agents: [agentOf({ model, instructions, tools: [look] })] });
    const session = await test.runtime.createSession("clerk");
    const { id } = await session.send("go");
    await test.advanceTime(1_000);
    const { position } = await session.snapshot();
    await test.store.erase(session.id, { upTo: position });
    isFirst = false;
    const next = await test.restart();
    const run = await next.runtime.getRun(id);
    return { next, model, sessionId: session.id, outcome: await within(next, run.outcome(), 60_000) };
  };

  it("J4 A2 instructions that were erased are evaluated anew once, not at every turn", async () => {
    let evaluated = 0;
    const { next, model, outcome } = await erased(() => `Work, ${(evaluated += 1)}.`);
    expect(outcome).toMatchObject({ status: "completed" });
    expect(model.requests.map(({ system }) => system)).toEqual(["Work, 1.", "Work, 2.", "Work, 2."]);
    await next.close();
  });

  it("J4 E8 instructions that were erased and cannot be had fail the run, and no model is paid for it", async () => {
    let evaluated = 0;
    const { next, sessionId, outcome } = await erased(() => {
      evaluated += 1;
      if (evaluated > 1) throw new TypeError("no such user");
      return "Work.";
    });
    expect(outcome).toMatchObject({ status: "failed", failure: { code: "DEFINITION_INVALID" } });
    expect(headersOf(await journalOf(next, sessionId), "model-call.failed")).toMatchObject([
      { code: "MODEL_CALL_LOST", charge: { isEstimate: true } },
      { code: "DEFINITION_INVALID", charge: { isEstimate: false, costUsd: 0 } },
    ]);
    await next.close();
  });

  it("J4 an outcome tells nothing that was changed on the disk", async () => {
    const test = await createTestRuntime({ agents: [agentOf({ model: recordingModel([{ text: "yes" }]) })] });
    const session = await test.runtime.createSession("clerk");
    const run = await session.send("go");
    expect(await within(test, run.outcome(), 1_000)).toMatchObject({ text: "yes" });
    const { store } = test;
    const readAt = store.readAt.bind(store);
    store.readAt = async (...where) =>
      (await readAt(...where)).map((event) => ({
        ...event,
        payload: event.payload?.replace("yes", "no!") ?? null,
      }));
    await expect(run.outcome()).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    await test.close();
  });

  it("E2 a call keeps its own key though the store is away when the key is made", async () => {
    let mayFail = false;
    let failed = 0;
    let isHanging = true;
    const put = toolOf({
      name: "put",
      effect: "idempotent",
      timeoutMs: 1_000_000,
      idempotencyKey: (input) => `put-${JSON.stringify(input["n"])}`,
      execute: () => (isHanging ? new Promise(() => undefined) : "stored"),
    });
    const model = recordingModel(({ toolResults }) =>
      toolResults.length === 0 ? { toolCalls: [{ name: "put", input: { n: 7 } }] } : { text: "done" },
    );
    const test = await createTestRuntime({
      agents: [agentOf({ model, tools: [put] })],
      faults: ({ operation }) => {
        if (operation !== "readAt" || !mayFail || failed > 0) return null;
        failed += 1;
        return { kind: "fail-before" };
      },
    });
    const session = await test.runtime.createSession("clerk");
    const { id } = await session.send("go");
    await test.advanceTime(1_000);
    mayFail = true;
    isHanging = false;
    const next = await test.restart();
    const run = await next.runtime.getRun(id);
    expect(await within(next, run.outcome(), 60_000)).toMatchObject({ status: "completed", text: "done" });
    const starts = headersOf(await journalOf(next, session.id), "tool-call.started");
    expect([failed, ...starts.map((start) => start.idempotencyKey)]).toEqual([1, "put-7", "put-7"]);
    await next.close();
  });

  it("J2 a model is not called by a holder whose lease ran out while it read the conversation", async () => {
    let isSlow = false;
    const model = recordingModel(() => (isSlow ? { text: "done" } : { hang: true }));
    const options = { agents: [agentOf({ model })] };
    const test = await createTestRuntime(options);
    const session = await test.runtime.createSession("clerk");
    const { id } = await session.send("go");
    await test.advanceTime(1_000);
    isSlow = true;
    let isAway = true;
    const next = await test.restart({
      faults: ({ operation }) => {
        if (!isAway) return null;
        if (operation === "renew") return { kind: "fail-before" };
        return operation === "readAt" ? { kind: "delay", ms: 45_000 } : null;
      },
    });
    await next.advanceTime(200_000);
    const asked = model.requests.length;
    isAway = false;
    const run = await next.runtime.getRun(id);
    expect(await within(next, run.outcome(), 200_000)).toMatchObject({ status: "completed" });
    expect([asked, model.requests.length]).toEqual([1, 2]);
    await next.close();
  });

  it("J2 a session that is lost while its holder looks at it is not worked on by it", async () => {
    const door = makeDoor();
    const script = recordingModel(() => ({ text: "done" }));
    const model: typeof script = {
      ...script,
      call: async (request) => {
        await door.opened;
        return script.call(request);
      },
    };
    const logger = keepingLogger();
    let isAway = false;
    let isSlow = false;
    const test = await createTestRuntime({
      agents: [agentOf({ model })],
      logger,
      modelTimeouts: { firstTokenMs: 500_000, gapMs: 500_000, totalMs: 500_000 },
      faults: ({ operation }) => {
        if (operation === "renew" && isAway) return { kind: "fail-before" };
        if (operation !== "load" || !isSlow) return null;
        isSlow = false;
        return { kind: "delay", ms: 15_000 };
      },
    });
    const session = await test.runtime.createSession("clerk");
    const run = await session.send("go");
    isAway = true;
    await test.advanceTime(35_000);
    const other = test.store.attach();
    const { head } = (await other.load(session.id)) ?? {};
    if (head === undefined) throw new TypeError("the session is gone");
    isSlow = true;
    expect((await other.commit(claimOf(session.id, head, other.holderId))).status).toBe("ok");
    isAway = false;
    door.open();
    await test.advanceTime(20_000);
    await other.close();
    expect(await within(test, run.outcome(), 5_000)).toMatchObject({ status: "completed", text: "done" });
    expect(logger.lines.filter(({ level }) => level === "error")).toEqual([]);
    await test.close();
  });

  it("E1 J2 who claims in the same millisecond with the same bytes does not take the other's commit for its own", async () => {
    let entered = 0;
    const put = toolOf({
      name: "put",
      effect: "idempotent",
      timeoutMs: 1_000_000,
      execute: () => {
        entered += 1;
        return new Promise(() => undefined);
      },
    });
    const model = recordingModel(() => ({ toolCalls: [{ name: "put", input: {} }] }));
    const options = { agents: [agentOf({ model, tools: [put] })] };
    const test = await createTestRuntime(options);
    const session = await test.runtime.createSession("clerk");
    await session.send("go");
    await test.advanceTime(100);
    const { clock, store } = test;
    let failed = 0;
    // One of the two is told nothing, and its commit is not stored; the other's is the same to the byte.
    const unlucky = createFaultyStore({
      store: store.attach(),
      clock,
      decide: ({ commit }) => {
        if (commit?.lease.kind !== "claim" || failed > 0) return null;
        failed += 1;
        return { kind: "fail-before" };
      },
    });
    const stores = [unlucky, store.attach()];
    test.crashAfter(0);
    await store.close();
    const runtimes = await Promise.all(
      stores.map((each) => createRuntime({ ...options, clock, store: each })),
    );
    await clock.advance(5_000);
    expect([failed, entered]).toEqual([1, 2]);
    for (const runtime of runtimes) void runtime.close();
    await clock.advance(60_000);
  });
});

/** Takes a session and writes nothing. */
const claimOf = (sessionId: string, head: SessionHead, holder: string): CommitRequest => ({
  sessionId,
  expect: { position: head.position, headHash: head.hash, epoch: head.epoch, gate: head.gate },
  lease: { kind: "claim", holder, ttlMs: 30_000 },
  wakeAt: null,
  events: [],
  isFenced: false,
  blobs: [],
  consume: [],
  post: [],
  duties: [],
  reserve: [],
  settle: [],
  summary: { status: "completed", waiting: null },
  mustSync: false,
});
