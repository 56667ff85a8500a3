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
} from "../testing/scenario.fixture.ts";

const useTools = (...names: readonly string[]) => ({
  toolCalls: names.map((name) => ({ name, input: {} })),
});

const never = (): Promise<void> => makeDoor().opened;

const begin = async (agent: AgentDefinition) => {
  const test = await createTestRuntime({ agents: [agent] });
  const session = await test.runtime.createSession(agent);
  const run = await session.send("go");
  await test.clock.settle();
  return { test, session, run };
};

const startedIn = async (test: TestRuntime, sessionId: string, index = 0): Promise<string> =>
  headersOf(await journalOf(test, sessionId), "tool-call.started")[index]?.callId ?? "";

describe("cancelling one call", () => {
  it("E5 E3 stops it in the same tick, tells the model, and the run goes on with the others", async () => {
    let signal: AbortSignal | undefined;
    const door = makeDoor();
    const slow = toolOf({
      name: "slow",
      effect: "read",
      execute: (_, context) => {
        signal = context.signal;
        return never();
      },
    });
    const other = toolOf({ name: "other", effect: "read", execute: () => door.opened.then(() => "seen") });
    const model = recordingModel([useTools("slow", "other"), { text: "done" }]);
    const { test, session, run } = await begin(agentOf({ model, tools: [slow, other] }));

    await session.cancelCall(await startedIn(test, session.id));
    expect(signal?.aborted).toBe(true);
    door.open();
    expect(await within(test, run.outcome(), 5_000)).toMatchObject({ status: "completed", text: "done" });

    const results = model.requests.at(-1)?.messages.find((message) => message.role === "tool")?.results;
    expect(JSON.stringify(results?.[0]?.output)).toContain("TOOL_CANCELLED");
    expect(JSON.stringify(results?.[1]?.output)).toContain("seen");
  });

  it("E5 one that is not begun never is", async () => {
    const entered: string[] = [];
    const slow = toolOf({ name: "slow", effect: "read", execute: never });
    const next = toolOf({ name: "next", effect: "write", execute: () => void entered.push("next") });
    const model = recordingModel([useTools("slow", "next"), { text: "done" }]);
    const agent = agentOf({ model, tools: [slow, next], limits: { maxParallelToolCalls: 1 } });
    const { test, session, run } = await begin(agent);
    const [first] = (await session.snapshot()).openCalls;
    await session.cancelCall((first?.callId ?? "").replace(/_0$/, "_1"));
    await session.cancelCall(first?.callId ?? "");
    expect(await within(test, run.outcome(), 5_000)).toMatchObject({ status: "completed" });
    expect(entered).toEqual([]);
  });

  it("E5 one that waits for its next attempt is not tried again", async () => {
    let attempts = 0;
    const look = toolOf({
      name: "look",
      effect: "read",
      retry: { maxAttempts: 5, initialDelayMs: 60_000, maxDelayMs: 60_000 },
      execute: () => {
        attempts += 1;
        throw new Error("not now");
      },
    });
    const model = recordingModel([useTools("look"), { text: "done" }]);
    const { test, session, run } = await begin(agentOf({ model, tools: [look] }));
    await session.cancelCall(await startedIn(test, session.id));
    expect(await within(test, run.outcome(), 2_000)).toMatchObject({ status: "completed" });
    expect(attempts).toBe(1);
  });

  it("E5 E2 a write that was under way is asked about, and given up as unknown when it is cancelled once more", async () => {
    const pay = toolOf({ name: "pay", effect: "write", execute: never });
    const model = recordingModel([useTools("pay"), { text: "done" }]);
    const { test, session, run } = await begin(agentOf({ model, tools: [pay] }));
    const callId = await startedIn(test, session.id);

    await session.cancelCall(callId);
    const waits = await within(test, run.outcome(), 5_000);
    expect(waits).toMatchObject({ status: "suspended", waitingFor: [{ kind: "resolution", callId }] });
    await session.cancelCall(callId);
    expect(await within(test, run.outcome({ until: "settled" }), 5_000)).toMatchObject({ text: "done" });
    expect(JSON.stringify(model.requests.at(-1)?.messages)).toContain("TOOL_OUTCOME_UNKNOWN");
    await expect(session.cancelCall(callId)).rejects.toMatchObject({ code: "CALL_NOT_FOUND" });
  });

  it("E5 E2 a write found not done is not made again", async () => {
    let made = 0;
    const pay = toolOf({
      name: "pay",
      effect: "write",
      timeoutMs: 1_000,
      retry: { maxAttempts: 3 },
      execute: () => {
        made += 1;
        return never();
      },
      verify: () => ({ status: "not-done" }),
    });
    const model = recordingModel([useTools("pay"), { text: "done" }]);
    const { test, session, run } = await begin(agentOf({ model, tools: [pay] }));
    await session.cancelCall(await startedIn(test, session.id));
    expect(await within(test, run.outcome({ until: "settled" }), 30_000)).toMatchObject({ text: "done" });
    expect(made).toBe(1);
    expect(JSON.stringify(model.requests.at(-1)?.messages)).toContain("TOOL_CANCELLED");
  });

  it("E5 stops every call of a turn, and the run goes on", async () => {
    const slow = toolOf({ name: "slow", effect: "read", execute: never });
    const model = recordingModel([useTools("slow", "slow"), { text: "done" }]);
    const { test, session, run } = await begin(agentOf({ model, tools: [slow] }));
    await session.cancelTurn();
    expect(await within(test, run.outcome(), 5_000)).toMatchObject({ status: "completed" });
    expect(headersOf(await journalOf(test, session.id), "tool-call.cancel-requested")).toHaveLength(2);
  });

  it("E5 a turn that has no answer yet takes its run with it", async () => {
    const model = recordingModel([{ hang: true }, { text: "next" }]);
    const { test, session, run } = await begin(agentOf({ model }));
    await session.cancelTurn();
    expect(await within(test, run.outcome(), 5_000)).toMatchObject({ status: "cancelled" });
    expect(await within(test, (await session.send("more")).outcome(), 5_000)).toMatchObject({ text: "next" });
  });
});

describe("rolling back", () => {
  it("E5 takes what the run said out of the conversation, keeps its journal, and the next run sees what was before", async () => {
    const slow = toolOf({ name: "slow", effect: "read", execute: never });
    const model = recordingModel(({ lastUserText }) =>
      lastUserText === "go" ? useTools("slow") : { text: `heard ${lastUserText}` },
    );
    const agent = agentOf({ model, tools: [slow] });
    const test = await createTestRuntime({ agents: [agent] });
    const session = await test.runtime.createSession(agent);
    await within(test, (await session.send("before")).outcome(), 5_000);
    const run = await session.send("go");
    await test.clock.settle();
    await run.cancel({ mode: "rollback", reason: "a mistake" });
    expect(await within(test, run.outcome(), 5_000)).toMatchObject({ status: "cancelled" });
    await within(test, (await session.send("after")).outcome(), 5_000);

    expect(model.requests.at(-1)?.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
    expect(JSON.stringify(model.requests.at(-1)?.messages)).not.toContain('"go"');
    const types = typesOf(await journalOf(test, session.id));
    expect(types.indexOf("run.rolled-back")).toBe(types.indexOf("run.cancelled") - 1);
    const restarted = await test.restart();
    const again = await (await restarted.runtime.getSession(session.id)).send("later");
    await within(restarted, again.outcome(), 5_000);
    expect(JSON.stringify(model.requests.at(-1)?.messages)).not.toContain('"go"');
  });

  it("E5 may be asked for while the run is being cancelled already", async () => {
    const deaf = toolOf({ name: "deaf", effect: "read", execute: never });
    const model = recordingModel([useTools("deaf")]);
    const { test, session, run } = await begin(agentOf({ model, tools: [deaf] }));
    await run.cancel();
    await run.cancel({ mode: "rollback" });
    await within(test, run.outcome(), 5_000);
    expect(typesOf(await journalOf(test, session.id))).toContain("run.rolled-back");
  });
});

describe("a paused session", () => {
  it("S3 starts nothing new, lets what is under way end, takes inputs, and goes on when it is resumed", async () => {
    const door = makeDoor();
    const slow = toolOf({ name: "slow", effect: "read", execute: () => door.opened.then(() => "seen") });
    const model = recordingModel(({ toolResults, lastUserText }) =>
      toolResults.length === 0 && lastUserText === "go" ? useTools("slow") : { text: "done" },
    );
    const { test, session, run } = await begin(agentOf({ model, tools: [slow] }));
    await session.pause("lunch");
    const queued = await session.send("later");
    door.open();
    await test.advanceTime(60_000);

    expect(model.requests).toHaveLength(1);
    expect(await session.snapshot()).toMatchObject({
      status: "suspended",
      isPaused: true,
      waitingFor: [{ kind: "operator", reason: "paused" }],
      queuedRuns: [queued.id],
    });
    expect(await run.outcome()).toMatchObject({ status: "suspended" });
    expect((await test.store.load(session.id))?.lease).toBeNull();
    const restarted = await test.restart();
    await restarted.advanceTime(60_000);
    expect(model.requests).toHaveLength(1);

    const found = await restarted.runtime.getSession(session.id);
    await found.resume();
    expect(await within(restarted, found.run(queued.id).outcome({ until: "settled" }), 5_000)).toMatchObject({
      status: "completed",
    });
    expect(headersOf(await journalOf(restarted, session.id), "tool-call.completed")).toHaveLength(1);
  });

  it("E5 S3 closes a call that is cancelled at once, and nobody is asked about it any more", async () => {
    const pay = toolOf({ name: "pay", effect: "write", needsApproval: true, execute: () => "paid" });
    const slow = toolOf({ name: "slow", effect: "read", execute: never });
    const model = recordingModel([useTools("pay", "slow"), { text: "done" }]);
    const { test, session, run } = await begin(agentOf({ model, tools: [pay, slow] }));
    await session.pause();
    await test.clock.settle();
    const [asked] = await session.pending();
    await session.cancelCall(asked?.callId ?? "");
    await test.clock.settle();
    expect(await session.pending()).toEqual([]);
    await session.cancelCall(await startedIn(test, session.id));
    await test.advanceTime(1_000);

    expect((await session.snapshot()).openCalls).toEqual([]);
    expect(await session.snapshot()).toMatchObject({ status: "suspended", isPaused: true });
    await test.advanceTime(60_000);
    expect(model.requests).toHaveLength(1);
    await session.resume();
    expect(await within(test, run.outcome({ until: "settled" }), 2_000)).toMatchObject({
      status: "completed",
    });
    const results = model.requests.at(-1)?.messages.find((message) => message.role === "tool")?.results;
    expect(results?.map(({ output }) => JSON.stringify(output).includes("TOOL_CANCELLED"))).toEqual([
      true,
      true,
    ]);
  });

  it("S3 begins no run, and a cancel of one that is open is carried out", async () => {
    const model = recordingModel([
      { fail: { code: "MODEL_RATE_LIMITED", retryAfterMs: 60_000 } },
      { text: "done" },
    ]);
    const { test, session, run } = await begin(agentOf({ model }));
    await session.pause();
    const next = await session.send("next");
    await test.advanceTime(200_000);
    await run.cancel();
    expect(await within(test, run.outcome(), 2_000)).toMatchObject({ status: "cancelled" });
    await test.advanceTime(60_000);
    expect(model.requests).toHaveLength(1);
    expect((await session.snapshot()).status).toBe("pending");
    await session.resume();
    expect(await within(test, next.outcome(), 5_000)).toMatchObject({ text: "done" });
  });
});

describe("a process that dies around any write while calls are stopped and a session is paused", () => {
  it("E1 E2 E3 E5 S3 goes on, nothing done twice", async () => {
    for (const death of [null, ...deathsUpTo(11)]) {
      const made: string[] = [];
      const pay = toolOf({
        name: "pay",
        effect: "write",
        timeoutMs: 1_000,
        execute: (_, { idempotencyKey }) => void made.push(idempotencyKey),
        verify: (_, { idempotencyKey }) =>
          made.includes(idempotencyKey) ? { status: "done", output: null } : { status: "not-done" },
      });
      const slow = toolOf({ name: "slow", effect: "read", execute: never });
      const model = recordingModel(({ messages }) =>
        messages.filter(({ role }) => role === "assistant").length < 2
          ? useTools("pay", "slow")
          : { text: "done" },
      );
      const agent = agentOf({ model, tools: [pay, slow] });
      const act = async ({ runtime, clock }: TestRuntime): Promise<void> => {
        const session = await runtime.createSession(agent, { key: "task" });
        await session.send("go", { idempotencyKey: "one" });
        await clock.settle();
        for (let round = 0; round < 3; round += 1) {
          const { openCalls, isPaused } = await session.snapshot();
          for (const { callId } of openCalls) await session.cancelCall(callId).catch(() => undefined);
          if (!isPaused) await session.pause();
          await session.resume();
          await clock.settle();
        }
      };
      const test = await throughDeaths({ agent, livesMs: 120_000 }, death === null ? [] : [death], act);
      const { sessions } = await test.runtime.listSessions();
      const session = await test.runtime.getSession(sessions[0]?.sessionId ?? "");
      const run = await session.send("go", { idempotencyKey: "one" });
      const { status } = await within(test, run.outcome({ until: "settled" }), 120_000);
      expect(status).toBe("completed");
      expect(new Set(made).size).toBe(made.length);
      await test.close();
    }
  }, 60_000);
});
