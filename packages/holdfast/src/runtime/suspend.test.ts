import { describe, expect, it } from "vitest";
import { createTestRuntime, type TestRuntime } from "../testing/index.ts";
import { deathsUpTo, throughDeaths } from "../testing/deaths.fixture.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  recordingModel,
  toolOf,
  within,
} from "../testing/scenario.fixture.ts";
import type { Resumption } from "../ports/suspension.ts";

const useTool = (name: string) => ({ toolCalls: [{ name, input: {} }] });
const DAY_MS = 86_400_000;

type Entry = { readonly key: string; readonly attempt: number; readonly resume: Resumption | null };

/** A write that waits, once, for what it is told to wait for. */
const waiting = (
  entries: Entry[],
  wait: (now: number) => Parameters<Context["suspend"]>[0],
  now: () => number,
) =>
  toolOf({
    name: "order",
    effect: "write",
    retry: { maxAttempts: 1 },
    execute: (_, { resume, suspend, idempotencyKey, attempt }) => {
      entries.push({ key: idempotencyKey, attempt, resume });
      return resume === null ? suspend(wait(now())) : { resume };
    },
  });

type Context = {
  readonly suspend: (wait: { until: number } | { signal: string; timeoutMs?: number }) => unknown;
};

const scene = async (wait: (now: number) => Parameters<Context["suspend"]>[0]) => {
  const entries: Entry[] = [];
  let clock: TestRuntime["clock"] | null = null;
  const order = waiting(entries, wait, () => clock?.now() ?? 0);
  const model = recordingModel(({ toolResults }) =>
    toolResults.length === 0 ? useTool("order") : { text: "done" },
  );
  const agent = agentOf({ model, tools: [order] });
  const test = await createTestRuntime({ agents: [agent] });
  clock = test.clock;
  const session = await test.runtime.createSession(agent);
  const run = await session.send("go");
  await test.clock.settle();
  return { entries, test, session, run, model };
};

describe("a tool that suspends itself until a time", () => {
  it("S3 E6 holds nothing, survives a restart, and is entered again from the top with the same key", async () => {
    const { entries, test, session, run } = await scene((now) => ({ until: now + 30 * DAY_MS }));
    await test.advanceTime(1_000);
    expect(await session.snapshot()).toMatchObject({ status: "suspended", waitingFor: [{ kind: "time" }] });
    expect((await test.store.load(session.id))?.lease).toBeNull();
    const restarted = await test.restart();
    await restarted.advanceTime(29 * DAY_MS);
    expect(entries).toHaveLength(1);
    await restarted.advanceTime(2 * DAY_MS);

    const found = await restarted.runtime.getRun(run.id);
    expect(await within(restarted, found.outcome({ until: "settled" }), 5_000)).toMatchObject({
      text: "done",
    });
    expect(entries.map(({ attempt, resume }) => ({ attempt, resume }))).toEqual([
      { attempt: 1, resume: null },
      { attempt: 2, resume: { by: "time" } },
    ]);
    expect(new Set(entries.map(({ key }) => key)).size).toBe(1);
  });
});

describe("a tool that waits for a signal", () => {
  it("S3 J6 goes on with what was said, though it was said before it waited", async () => {
    for (const isEarly of [true, false]) {
      const { entries, test, session, run } = await scene(() => ({ signal: "paid" }));
      if (!isEarly) await test.advanceTime(DAY_MS);
      await session.signal("other", "not this");
      await session.signal("paid", { cents: 5 }, { idempotencyKey: "hook-1" });
      await session.signal("paid", { cents: 5 }, { idempotencyKey: "hook-1" });
      expect(await within(test, run.outcome({ until: "settled" }), 5_000)).toMatchObject({ text: "done" });
      expect(entries[1]?.resume).toEqual({ by: "signal", value: { cents: 5 } });
      expect(headersOf(await journalOf(test, session.id), "signal.received")).toHaveLength(2);
      await expect(session.signal("paid", 6, { idempotencyKey: "hook-1" })).rejects.toMatchObject({
        code: "IDEMPOTENCY_CONFLICT",
      });
    }
  });

  it("E6 goes on without it when its time is over", async () => {
    const { entries, test, run } = await scene(() => ({ signal: "paid", timeoutMs: DAY_MS }));
    expect(await run.outcome()).toMatchObject({
      status: "suspended",
      waitingFor: [{ kind: "signal", key: "paid" }],
    });
    await test.advanceTime(DAY_MS + 2_000);
    expect(await within(test, run.outcome({ until: "settled" }), 5_000)).toMatchObject({ text: "done" });
    expect(entries[1]?.resume).toEqual({ by: "timeout" });
  });

  it("E5 E2 is given up as unknown when it is cancelled: it may have done part of what it was to do", async () => {
    const { test, session, run, model } = await scene(() => ({ signal: "paid" }));
    const [call] = (await session.snapshot()).openCalls;
    await session.cancelCall(call?.callId ?? "");
    expect(await within(test, run.outcome({ until: "settled" }), 5_000)).toMatchObject({ text: "done" });
    expect(JSON.stringify(model.requests.at(-1)?.messages)).toContain("TOOL_OUTCOME_UNKNOWN");
  });

  it("refuses what is neither a time nor a key", async () => {
    const { test, session } = await scene(() => ({ signal: "" }));
    await test.advanceTime(1_000);
    expect(headersOf(await journalOf(test, session.id), "tool-call.unknown")).toMatchObject([
      { code: "OPTION_INVALID" },
    ]);
    await expect(session.signal("")).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });
});

describe("a process that dies around any write while a tool waits for a signal", () => {
  it("E1 E2 J6 S3 takes the signal once, and the tool is entered no more often than it asks for", async () => {
    for (const death of [null, ...deathsUpTo(10)]) {
      const paid: string[] = [];
      const pay = toolOf({
        name: "pay",
        effect: "write",
        timeoutMs: 1_000,
        execute: (_, { resume, suspend, idempotencyKey }) => {
          if (resume === null) return suspend({ signal: "go" });
          paid.push(idempotencyKey);
          return resume;
        },
        verify: (_, { idempotencyKey }) =>
          paid.includes(idempotencyKey) ? { status: "done", output: null } : { status: "not-done" },
      });
      const model = recordingModel(({ toolResults }) =>
        toolResults.length === 0 ? useTool("pay") : { text: "done" },
      );
      const agent = agentOf({ model, tools: [pay] });
      const test = await throughDeaths(
        { agent, livesMs: 90_000 },
        death === null ? [] : [death],
        async ({ runtime, clock }) => {
          const session = await runtime.createSession(agent, { key: "task" });
          await session.send("go", { idempotencyKey: "one" });
          await clock.settle();
          await session.signal("go", 1, { idempotencyKey: "hook" });
        },
      );
      const { sessions } = await test.runtime.listSessions();
      const session = await test.runtime.getSession(sessions[0]?.sessionId ?? "");
      const run = await session.send("go", { idempotencyKey: "one" });
      expect(await within(test, run.outcome({ until: "settled" }), 120_000)).toMatchObject({ text: "done" });
      expect(paid).toHaveLength(1);
      expect(headersOf(await journalOf(test, session.id), "signal.received")).toHaveLength(1);
      await test.close();
    }
  }, 60_000);
});
