import { describe, expect, it } from "vitest";
import { toFailure } from "../core/failure.ts";
import { scriptedModel } from "../models/index.ts";
import { createTestRuntime, type TestRuntime } from "../testing/create-test-runtime.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  keepingLogger,
  makeDoor,
  toolOf,
} from "../testing/scenario.fixture.ts";
import { createRuntime, type Runtime, type ScheduleOptions } from "./index.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 1);
const answers = agentOf({ model: scriptedModel(() => ({ text: "Done." })) });

const open = (more: Partial<Parameters<typeof createTestRuntime>[0]> = {}): Promise<TestRuntime> =>
  createTestRuntime({ agents: [answers], logger: keepingLogger(), ...more });

const hourly: ScheduleOptions = { id: "hourly", agent: "clerk", input: "Look.", cron: "0 * * * *" };

type Accepted = { readonly session: string; readonly tick: number | null; readonly schedule: string };

/** Every input that a schedule posted and that was accepted, by session and in order. */
const accepted = async (test: Pick<TestRuntime, "store">): Promise<readonly Accepted[]> => {
  const { sessions } = await test.store.list({ limit: 100_000 });
  const journals = await Promise.all(
    sessions
      .toReversed()
      .map(async ({ sessionId }) =>
        headersOf(await journalOf(test, sessionId), "run.accepted").flatMap(({ source }) =>
          source === null ? [] : [{ session: sessionId, ...source }],
        ),
      ),
  );
  return journals.flat();
};

const ticksOf = async (test: Pick<TestRuntime, "store">): Promise<readonly number[]> =>
  (await accepted(test)).flatMap(({ tick }) => tick ?? []).toSorted((left, right) => left - right);

const hours = (...which: readonly number[]): readonly number[] => which.map((hour) => START + hour * HOUR);

describe("a schedule", () => {
  it("J5 runs once at each of its ticks, and says where the run comes from", async () => {
    const test = await open();
    await test.runtime.schedules.create({ ...hourly, tenant: "acme", user: "u", attributes: { job: 1 } });
    await test.advanceTime(3 * HOUR);
    expect(await ticksOf(test)).toEqual(hours(1, 2, 3));
    const { sessions } = await test.store.list({ limit: 10 });
    expect(sessions).toMatchObject([1, 2, 3].map(() => ({ tenant: "acme", user: "u", status: "completed" })));
    const view = await test.runtime.schedules.get("hourly");
    expect(view).toMatchObject({
      status: "active",
      nextAt: START + 4 * HOUR,
      last: { tick: START + 3 * HOUR },
    });
    const run = await test.runtime.getRun(view.last?.runId ?? "");
    expect(await run.outcome()).toMatchObject({ status: "completed", text: "Done." });
    await test.close();
  });

  it("is run on the tick, not in the next round", async () => {
    const test = await open();
    await test.runtime.schedules.create({ ...hourly, cron: "30 30 * * * *" });
    await test.advanceTime(30 * 60_000 + 30_000);
    const [event] = await journalOf(test, (await test.store.list({ limit: 1 })).sessions[0]?.sessionId ?? "");
    expect(event?.at).toBe(START + 30 * 60_000 + 30_000);
    await test.close();
  });

  it("speaks to one session where it has a key, in its tenant", async () => {
    const test = await open();
    await test.runtime.schedules.create({ ...hourly, sessionKey: "diary", tenant: "acme" });
    await test.advanceTime(2 * HOUR);
    const session = await test.runtime.createSession("clerk", { key: "diary", tenant: "acme" });
    expect(await accepted(test)).toEqual(
      hours(1, 2).map((tick) => ({ session: session.id, tick, schedule: "hourly" })),
    );
    await test.close();
  });

  it("does not speak to a session of another agent, and says so", async () => {
    const other = agentOf({ name: "other", model: scriptedModel(() => ({ text: "No." })) });
    const test = await open({ agents: [answers, other] });
    await test.runtime.createSession(other, { key: "diary" });
    await test.runtime.schedules.create({ ...hourly, sessionKey: "diary" });
    await test.advanceTime(HOUR);
    expect(await accepted(test)).toEqual([]);
    expect(await test.runtime.schedules.get("hourly")).toMatchObject({
      left: { why: "session-of-another-agent" },
    });
    await test.close();
  });

  it("ends with its end, and begins with its beginning", async () => {
    const test = await open();
    const [startAt, endAt] = [START + 2 * HOUR, new Date(START + 3 * HOUR)];
    await test.runtime.schedules.create({ ...hourly, startAt, endAt });
    await test.runtime.schedules.create({
      id: "once",
      agent: answers,
      input: "Hm.",
      at: new Date(START + 90_000),
    });
    await test.runtime.schedules.create({
      id: "every",
      agent: "clerk",
      input: "Hm.",
      everyMs: HOUR,
      startAt,
      endAt,
    });
    await test.advanceTime(5 * HOUR);
    const seen = (await accepted(test)).map(
      ({ schedule, tick }) => `${schedule} ${((tick ?? 0) - START) / HOUR}`,
    );
    expect(seen.toSorted()).toEqual(["every 2", "every 3", "hourly 2", "hourly 3", "once 0.025"]);
    expect(await test.runtime.schedules.get("once")).toMatchObject({ status: "done", nextAt: null });
    await test.close();
  });

  it("is paused, resumed and removed; what came in between is not made up for", async () => {
    const { runtime, ...test } = await open();
    await runtime.schedules.create(hourly);
    await test.advanceTime(HOUR);
    expect(await runtime.schedules.pause("hourly")).toMatchObject({ status: "paused", nextAt: null });
    await test.advanceTime(2 * HOUR);
    expect(await runtime.schedules.resume("hourly")).toMatchObject({ nextAt: START + 4 * HOUR });
    await runtime.schedules.resume("hourly");
    await test.advanceTime(HOUR);
    await runtime.schedules.remove("hourly");
    await test.advanceTime(HOUR);
    expect(await ticksOf(test)).toEqual(hours(1, 4));
    await expect(runtime.schedules.get("hourly")).rejects.toMatchObject({ code: "SCHEDULE_NOT_FOUND" });
    await runtime.close();
  });

  it("is run by hand besides its ticks, once, also while it is paused", async () => {
    const { runtime, ...test } = await open();
    await runtime.schedules.create({ ...hourly, sessionKey: "diary" });
    await runtime.schedules.pause("hourly");
    const [one, other] = [await runtime.schedules.runNow("hourly"), await runtime.schedules.runNow("hourly")];
    await test.advanceTime(2 * HOUR);
    expect(await accepted(test)).toMatchObject([{ tick: null }, { tick: null }]);
    expect((await (await runtime.getRun(one.runId)).outcome()).status).toBe("completed");
    expect((await runtime.getRun(other.runId)).sessionId).toBe(other.sessionId);
    expect(await runtime.schedules.get("hourly")).toMatchObject({ status: "paused", nextAt: null });
    await runtime.close();
  });

  it("is made once, however often that is asked for; another with its id is refused", async () => {
    const { runtime } = await open();
    const made = await Promise.all([1, 2, 3].map(() => runtime.schedules.create(hourly)));
    expect(new Set(made.map((one) => JSON.stringify(one))).size).toBe(1);
    const refused = await runtime.schedules.create({ ...hourly, input: "Else." }).catch(toFailure);
    expect(refused).toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
    const unnamed = { agent: "clerk", input: "Look.", everyMs: 1_000 };
    await runtime.schedules.create(unnamed);
    await runtime.schedules.create({ ...unnamed, agent: "somebody", tenant: "t" });
    const { schedules } = await runtime.schedules.list();
    expect(schedules).toHaveLength(3);
    expect((await runtime.schedules.list({ agent: "somebody" })).schedules).toMatchObject([{ tenant: "t" }]);
    const first = await runtime.schedules.list({ limit: 2 });
    const rest = await runtime.schedules.list({
      limit: 2,
      ...(first.cursor === null ? {} : { cursor: first.cursor }),
    });
    expect([...first.schedules, ...rest.schedules]).toEqual(schedules);
    await runtime.close();
  });

  it.each<[string, Partial<ScheduleOptions>]>([
    ["no time at all", { cron: undefined } as never],
    ["two times", { everyMs: 5_000 }],
    ["an expression that is none", { cron: "every day" }],
    ["an expression of seven fields", { cron: "0 0 0 1 1 * 2027" }],
    ["an expression that is far too long", { cron: `${"0,".repeat(200)}0 * * * *` }],
    ["a day that never comes", { cron: "0 0 30 2 *" }],
    ["a time zone that does not exist", { timeZone: "Mars/Olympus" }],
    ["a time zone without cron", { cron: undefined, everyMs: 5_000, timeZone: "UTC" } as never],
    ["a time that has passed", { cron: undefined, at: START - 1 } as never],
    ["a time that is none", { cron: undefined, at: Number.NaN } as never],
    ["an end before its first tick", { endAt: START + 5 }],
    ["more than a tick a second", { cron: undefined, everyMs: 999 } as never],
    ["an id with spaces", { id: "a b" }],
    ["an input with bytes", { input: [{ type: "file", data: new Uint8Array(3), mediaType: "text/plain" }] }],
    ["an unknown policy", { missed: "all" as never }],
    ["a bound that is too large", { missed: { all: 5_000 } }],
    ["an unknown overlap", { overlap: "kill" as never }],
    ["an option that does not exist", { timezone: "UTC" } as never],
  ])("is refused with %s", async (_, wrong) => {
    const { runtime } = await open();
    const given = Object.fromEntries(
      Object.entries({ ...hourly, ...wrong }).filter(([, value]) => value !== undefined),
    ) as ScheduleOptions;
    await expect(runtime.schedules.create(given)).rejects.toMatchObject({ code: "OPTION_INVALID" });
    expect((await runtime.schedules.list()).schedules).toEqual([]);
    await runtime.close();
  });

  it("waits for a process that has its agent", async () => {
    const test = await open({ agents: [] });
    await test.runtime.schedules.create(hourly);
    await test.advanceTime(HOUR);
    expect(await accepted(test)).toEqual([]);
    const next = await test.restart({ agents: [answers] });
    await next.advanceTime(0);
    expect(await ticksOf(next)).toEqual(hours(1));
    await next.close();
  });
});

describe("ticks that nobody was there for", () => {
  const missing = async (missed: ScheduleOptions["missed"]): Promise<readonly number[]> => {
    const test = await open();
    await test.runtime.schedules.create({ ...hourly, ...(missed === undefined ? {} : { missed }) });
    await test.runtime.close();
    test.clock.jump(5 * HOUR + 30 * 60_000);
    const next = await test.restart();
    await next.advanceTime(HOUR);
    const ticks = await ticksOf(next);
    await next.close();
    return ticks;
  };

  it("are made up for by one run, unless it is said otherwise", async () => {
    expect(await missing(undefined)).toEqual(hours(5, 6));
  });

  it("are left out when that is asked for", async () => {
    expect(await missing("skip")).toEqual(hours(6));
    expect(await missing({ skipAfterMs: HOUR })).toEqual(hours(5, 6));
  });

  it("are all run when that is asked for, the latest first of all kept, up to a bound", async () => {
    expect(await missing({ all: 3 })).toEqual(hours(3, 4, 5, 6));
    expect(await missing({ all: 100 })).toEqual(hours(1, 2, 3, 4, 5, 6));
  });
});

describe("a tick that comes while the run before is at work", () => {
  const busy = async (overlap: "queue" | "skip", sessionKey: string | null) => {
    const door = makeDoor();
    const wait = toolOf({ name: "wait", effect: "read", timeoutMs: 9 * HOUR, execute: () => door.opened });
    let isFirst = true;
    const model = scriptedModel(() => {
      if (!isFirst) return { text: "Done." };
      isFirst = false;
      return { toolCalls: [{ name: "wait", input: {} }] };
    });
    const slow = agentOf({ model, tools: [wait], limits: { maxDurationMs: 20 * HOUR } });
    const test = await open({ agents: [slow] });
    const key = sessionKey === null ? {} : { sessionKey };
    await test.runtime.schedules.create({ ...hourly, overlap, ...key });
    await test.advanceTime(3 * HOUR);
    const during = await ticksOf(test);
    door.open();
    await test.advanceTime(2 * HOUR);
    return { test, during };
  };

  it("S4 waits behind it in the same session", async () => {
    const { test, during } = await busy("queue", "diary");
    expect(during).toEqual(hours(1, 2, 3));
    expect(await ticksOf(test)).toEqual(hours(1, 2, 3, 4, 5));
    await test.close();
  });

  it("S4 is left out when that is asked for, and the next one after its end is not: in one session", async () => {
    const { test, during } = await busy("skip", "diary");
    expect(during).toEqual(hours(1));
    expect(await test.runtime.schedules.get("hourly")).toMatchObject({
      left: { tick: START + 3 * HOUR, why: "overlap" },
    });
    expect(await ticksOf(test)).toEqual(hours(1, 4, 5));
    await test.close();
  });

  it("S4 is left out when that is asked for: in sessions of their own", async () => {
    const { test } = await busy("skip", null);
    expect(await ticksOf(test)).toEqual(hours(1, 4, 5));
    await test.close();
  });
});

describe("J5 J6 a tick is accepted once", () => {
  /** A second process on the same data. */
  const second = async (test: TestRuntime): Promise<Runtime> =>
    createRuntime({
      agents: [answers],
      store: test.store.attach(),
      clock: test.clock,
      logger: keepingLogger(),
    });

  it("with two processes", async () => {
    const test = await open();
    const other = await second(test);
    await test.runtime.schedules.create({ ...hourly, sessionKey: "diary" });
    await other.schedules.create({ ...hourly, id: "apart" });
    await test.advanceTime(20 * HOUR);
    const all = Array.from({ length: 20 }, (_, hour) => START + (hour + 1) * HOUR);
    const seen = await accepted(test);
    for (const id of ["hourly", "apart"])
      expect(seen.filter(({ schedule }) => schedule === id).map(({ tick }) => tick)).toEqual(all);
    await other.close();
    await test.close();
  });

  it.each(Array.from({ length: 14 }, (_, write) => write + 1))(
    "though its process dies after its write %i",
    async (write) => {
      const test = await open();
      await test.runtime.schedules.create({ ...hourly, sessionKey: "diary", missed: { all: 9 } });
      await test.runtime.schedules.create({ ...hourly, id: "apart", missed: { all: 9 } });
      test.crashAfter(write);
      await test.advanceTime(2 * HOUR);
      const next = await test.restart();
      await next.advanceTime(HOUR);
      const seen = await accepted(next);
      for (const id of ["hourly", "apart"])
        expect(seen.filter(({ schedule }) => schedule === id).map(({ tick }) => tick)).toEqual(
          hours(1, 2, 3),
        );
      await next.close();
    },
  );

  it.each(["fail-before", "fail-after"] as const)("though every third write ends badly: %s", async (kind) => {
    let writes = 0;
    const test = await open({
      faults: ({ operation }) => {
        if (operation !== "changeDuty" && operation !== "post" && operation !== "create") return null;
        writes += 1;
        return writes > 1 && writes % 3 === 0 ? { kind } : null;
      },
    });
    await test.runtime.schedules.create(hourly);
    await test.advanceTime(4 * HOUR);
    expect(await ticksOf(test)).toEqual(hours(1, 2, 3, 4));
    await test.close();
  });

  it("though the clock goes back over it, and forward again", async () => {
    const test = await open();
    await test.runtime.schedules.create({ ...hourly, missed: { all: 99 } });
    await test.advanceTime(2 * HOUR);
    test.clock.jump(-2 * HOUR);
    await test.advanceTime(HOUR);
    expect(await ticksOf(test)).toEqual(hours(1, 2));
    test.clock.jump(5 * HOUR);
    await test.advanceTime(2_000);
    expect(await ticksOf(test)).toEqual(hours(1, 2, 3, 4, 5, 6));
    await test.close();
  });
});

it("S3 two thousand schedules hold no timer, and those that are due are run", async () => {
  const test = await open();
  const idle = test.clock.pendingTimers;
  for (let index = 0; index < 2_000; index += 1) {
    const cron = `${index % 60} ${index % 24} 1 6 *`;
    await test.runtime.schedules.create({ id: `s${index}`, agent: "clerk", input: "Look.", cron });
  }
  await test.runtime.schedules.create(hourly);
  await test.advanceTime(0);
  expect(test.clock.pendingTimers).toBe(idle);
  await test.advanceTime(HOUR);
  expect(await ticksOf(test)).toEqual(hours(1));
  await test.close();
}, 30_000);
