import { describe, expect, it } from "vitest";
import { createTestRuntime, type TestRuntimeOptions } from "../testing/index.ts";
import { DEAR, prices, settings, USED } from "../testing/priced-models.fixture.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  makeDoor,
  recordingModel,
  toolOf,
  within,
} from "../testing/scenario.fixture.ts";
import type { Model } from "../ports/model.ts";
import { periodsIn } from "./budget-period.ts";
import type { AgentDefinition, BudgetOptions } from "./index.ts";

const NOON = Date.UTC(2026, 10, 29, 12);

const answering = (usage: { inputTokens: number; outputTokens: number } = USED) =>
  recordingModel(() => ({ text: "done", usage }), DEAR);

const start = async (
  agent: AgentDefinition,
  budget: Omit<BudgetOptions, "name"> & { readonly name?: string },
  options: Partial<TestRuntimeOptions> = {},
) =>
  createTestRuntime({
    agents: [agent],
    prices,
    now: NOON,
    budgets: [{ name: "shared", ...budget }],
    ...options,
  });

describe("a budget that many share", () => {
  it("E8 counts all runs of a tenant, and those of no other", async () => {
    const test = await start(agentOf({ model: answering(), settings }), {
      scope: "tenant",
      maxCostUsd: 0.028,
    });
    const ask = async (tenant: string) => {
      const session = await test.runtime.createSession("clerk", { tenant });
      return within(test, (await session.send("go")).outcome(), 60_000);
    };
    const outcomes = [await ask("acme"), await ask("acme"), await ask("acme"), await ask("other")];
    expect(outcomes.map(({ status }) => status)).toEqual(["completed", "completed", "failed", "completed"]);
    expect(outcomes[2]).toMatchObject({
      failure: {
        code: "BUDGET_EXCEEDED",
        details: { budget: "shared", unit: "usd", limit: 0.028, spent: 0.0182 },
      },
    });
    expect(await test.runtime.budgets()).toEqual([
      {
        account: "shared/tenant/acme/total/usd",
        budget: "shared",
        scope: "tenant",
        of: ["acme"],
        period: "total",
        unit: "usd",
        spent: 0.0182,
        reserved: 0,
        limit: 0.028,
      },
      expect.objectContaining({ of: ["other"], spent: 0.0091 }),
    ]);
    expect(await test.runtime.budgets({ name: "shar" })).toEqual([]);
  });

  it("E8 counts each session, and each user of each tenant, by itself", async () => {
    const model = answering({ inputTokens: 10, outputTokens: 20 });
    const test = await start(
      agentOf({ model, settings }),
      { scope: "session", maxTokens: 1_300 },
      {
        budgets: [
          { name: "each", scope: "session", maxTokens: 100_000 },
          { name: "person", scope: "user", maxTokens: 100_000 },
        ],
      },
    );
    for (const [tenant, user] of [
      ["a", "ann"],
      ["b", "ann"],
      ["a", "ann"],
    ] as const) {
      const session = await test.runtime.createSession("clerk", { tenant, user });
      await (await session.send("go")).outcome();
    }
    const all = await test.runtime.budgets();
    expect(all.filter(({ budget }) => budget === "each").map(({ spent }) => spent)).toEqual([30, 30, 30]);
    expect(all.filter(({ budget }) => budget === "person").map(({ of, spent }) => [of, spent])).toEqual([
      [["a", "ann"], 60],
      [["b", "ann"], 30],
    ]);
  });

  it("E8 begins anew with each day of its time zone, and a run that asks goes on then", async () => {
    const test = await start(agentOf({ model: answering(), settings }), {
      scope: "tenant",
      maxCostUsd: 0.015,
      period: "day",
      timeZone: "Europe/Paris",
      onLimit: "ask",
    });
    const session = await test.runtime.createSession("clerk", { tenant: "acme" });
    await within(test, (await session.send("one")).outcome(), 60_000);
    const run = await session.send("two");
    const midnight = Date.UTC(2026, 10, 29, 23);
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({
      status: "suspended",
      waitingFor: [{ kind: "budget-period", budget: "shared", until: midnight }],
    });
    await test.advanceTime(midnight - NOON - 120_000);
    expect(await session.snapshot()).toMatchObject({ status: "suspended" });
    await test.advanceTime(240_000);
    expect(await run.outcome()).toMatchObject({ status: "completed" });
    expect((await test.runtime.budgets()).map(({ period }) => period)).toEqual(["2026-11-29", "2026-11-30"]);
  });

  it("E8 is raised for one run alone", async () => {
    const test = await start(agentOf({ model: answering(), settings }), {
      scope: "tenant",
      maxCostUsd: 0.011,
      onLimit: "ask",
    });
    const session = await test.runtime.createSession("clerk", { tenant: "acme" });
    await within(test, (await session.send("one")).outcome(), 60_000);
    const run = await session.send("two");
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({
      waitingFor: [{ kind: "budget", budget: "shared" }],
    });
    await session.raiseBudget({ addCostUsd: 0.01 });
    expect(await within(test, run.outcome({ until: "settled" }), 60_000)).toMatchObject({
      status: "completed",
    });
    const third = await session.send("three");
    expect(await within(test, third.outcome(), 60_000)).toMatchObject({ status: "suspended" });
  });

  it("E8 S3 refuses a run that begins right behind one that its own limit ends, and does not try without end", async () => {
    let commits = 0;
    const limits = { maxTokens: 5_000, maxWindowChars: 10_000 };
    const agent = agentOf({ model: answering(), settings: { maxOutputTokens: 500 }, limits });
    const test = await start(
      agent,
      { scope: "tenant", maxTokens: 100 },
      {
        faults: ({ operation }) => {
          if (operation === "commit") commits += 1;
          return commits > 1_000 ? { kind: "hang" } : null;
        },
      },
    );
    const session = await test.runtime.createSession("clerk", { tenant: "acme" });
    await session.pause();
    await test.advanceTime(1_000);
    const long = await session.send("so ".repeat(10_000));
    const short = await session.send("go");
    await session.resume();
    const outcomes = await Promise.all(
      [long, short].map((run) => within(test, run.outcome({ until: "settled" }), 60_000)),
    );
    expect(outcomes).toMatchObject([
      { status: "failed", failure: { code: "BUDGET_EXCEEDED", details: { budget: "run" } } },
      { status: "failed", failure: { code: "BUDGET_EXCEEDED", details: { budget: "shared" } } },
    ]);
    expect(commits).toBeLessThan(20);
  });

  it("E8 sends a run to a cheaper model", async () => {
    const cheap = recordingModel([{ text: "cheaply" }], { provider: "cheap", modelId: "cheap" });
    const test = await start(agentOf({ model: [answering(), cheap], settings }), {
      scope: "tenant",
      maxCostUsd: 0.012,
      onLimit: "degrade",
    });
    const session = await test.runtime.createSession("clerk", { tenant: "acme" });
    expect(await within(test, (await session.send("one")).outcome(), 60_000)).toMatchObject({ text: "done" });
    expect(await within(test, (await session.send("two")).outcome(), 60_000)).toMatchObject({
      text: "cheaply",
    });
    const [refused] = headersOf(await journalOf(test, session.id), "budget.refused");
    expect(refused).toMatchObject({ budget: "shared", next: { kind: "degrade", candidate: 1 } });
  });

  it("E8 waits for what others have only set aside, and is fair to none but right to all", async () => {
    const clockless = { text: "done", usage: { inputTokens: 10, outputTokens: 10 } };
    const doors = Array.from({ length: 4 }, makeDoor);
    const base = recordingModel(() => clockless, DEAR);
    let asked = 0;
    const model: Model = {
      ...DEAR,
      call: async (request) => {
        const door = doors[asked];
        asked += 1;
        await door?.opened;
        return base.call(request);
      },
    };
    // Room for the worst case of one call at a time, and for the real cost of hundreds.
    const test = await start(agentOf({ model, settings }), { scope: "tenant", maxCostUsd: 0.015 });
    const runs = await Promise.all(
      [1, 2, 3, 4].map(async (n) => {
        const session = await test.runtime.createSession("clerk", { tenant: "acme" });
        return { session, run: await session.send(`go ${n}`) };
      }),
    );
    await test.advanceTime(20_000);
    expect(asked).toBe(1);
    const ends = runs.map(({ run }) => run.outcome({ until: "settled" }));
    for (const door of doors) {
      door.open();
      await test.advanceTime(60_000);
    }
    expect((await Promise.all(ends)).map(({ status }) => status)).toEqual(Array(4).fill("completed"));
    expect(await test.runtime.budgets()).toMatchObject([{ reserved: 0, spent: 4 * 0.00011 }]);
  });

  it("E8 does not wait for ever for what others have set aside", async () => {
    const model = recordingModel(() => ({ hang: true }), DEAR);
    const test = await start(
      agentOf({ model, settings }),
      { scope: "tenant", maxCostUsd: 0.015 },
      { modelTimeouts: { firstTokenMs: 7_200_000, totalMs: 7_200_000 } },
    );
    const runs = await Promise.all(
      [1, 2].map(async () => {
        const session = await test.runtime.createSession("clerk", { tenant: "acme" });
        return session.send("go");
      }),
    );
    const ends = Promise.race(runs.map((run) => run.outcome({ until: "settled" })));
    expect(await within(test, ends, 1_200_000)).toMatchObject({ failure: { code: "BUDGET_EXCEEDED" } });
  });

  it("E8 is told by every session that it is used up, however many wait for a worker", async () => {
    let commits = 0;
    // Going round in circles comes to an end, and the test with it.
    const faults: TestRuntimeOptions["faults"] = ({ commit }) => {
      if (commit !== null) commits += 1;
      return commits > 200 ? { kind: "hang" } : null;
    };
    const budget = { scope: "tenant", maxTokens: 100 } as const;
    const test = await start(agentOf({ model: answering(), settings }), budget, {
      faults,
      maxActiveSessions: 1,
    });
    const runs = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const session = await test.runtime.createSession("clerk", { tenant: "acme" });
        return session.send("go");
      }),
    );
    const ends = Promise.all(runs.map((run) => run.outcome({ until: "settled" })));
    for (const end of await within(test, ends, 60_000))
      expect(end).toMatchObject({ failure: { code: "BUDGET_EXCEEDED" } });
    expect(commits).toBeLessThan(30);
  });

  it("E8 is asked of each run by itself: what one has no room for, a smaller one may have", async () => {
    const door = makeDoor();
    const wait = toolOf({ name: "wait", effect: "read", execute: () => door.opened.then(() => "open") });
    const steps = [{ toolCalls: [{ name: "wait", input: {} }] }, { text: "done" }, { text: "small" }];
    const agent = agentOf({ model: recordingModel(steps, DEAR), settings, tools: [wait] });
    const test = await start(agent, { scope: "session", maxTokens: 2_400 });
    const session = await test.runtime.createSession("clerk");
    const ends = [
      await session.send("first", { settings: { maxOutputTokens: 300 } }),
      await session.send("large", { settings: { maxOutputTokens: 3_000 } }),
      await session.send("small", { settings: { maxOutputTokens: 300 } }),
    ].map((run) => run.outcome({ until: "settled" }));
    await test.advanceTime(100);
    door.open();
    expect(await within(test, Promise.all(ends), 60_000)).toMatchObject([
      { text: "done" },
      { failure: { code: "BUDGET_EXCEEDED", details: { budget: "shared" } } },
      { text: "small" },
    ]);
  });

  it("E8 refuses a price that nobody knows, unless it is allowed", async () => {
    const model = recordingModel(() => ({ text: "hi" }), { provider: "own", modelId: "big" });
    for (const onUnknownPrice of ["refuse", "allow"] as const) {
      const test = await start(agentOf({ model }), { scope: "tenant", maxCostUsd: 1, onUnknownPrice });
      const session = await test.runtime.createSession("clerk", { tenant: "acme" });
      expect(await within(test, (await session.send("go")).outcome(), 60_000)).toMatchObject(
        onUnknownPrice === "allow" ? { status: "completed" } : { failure: { code: "PRICE_UNKNOWN" } },
      );
    }
  });

  it("E8 leaves sessions without a tenant, or of another one, alone", async () => {
    const test = await start(agentOf({ model: answering(), settings }), {
      scope: "tenant",
      of: "acme",
      maxTokens: 1,
    });
    for (const tenant of [undefined, "other"]) {
      const session = await test.runtime.createSession("clerk", tenant === undefined ? {} : { tenant });
      expect(await (await session.send("go")).outcome()).toMatchObject({ status: "completed" });
    }
    expect(await test.runtime.budgets()).toEqual([]);
  });
});

describe("what is set aside in a budget", () => {
  it("E8 comes back once after any death of the process, and the sum is what the runs were charged", async () => {
    for (let write = 1; write <= 9; write += 1) {
      let calls = 0;
      const look = toolOf({ name: "look", effect: "read", execute: () => (calls += 1) });
      const model = recordingModel(
        ({ toolResults }) =>
          toolResults.length === 0
            ? { toolCalls: [{ name: "look", input: {} }], usage: USED }
            : { text: "done", usage: USED },
        DEAR,
      );
      const test = await start(agentOf({ model, tools: [look], settings }), {
        scope: "tenant",
        maxCostUsd: 0.1,
      });
      const session = await test.runtime.createSession("clerk", { tenant: "acme" });
      const run = await session.send("go");
      test.crashAfter(write);
      await test.clock.settle();
      const next = await test.restart();
      const outcome = await within(next, (await next.runtime.getRun(run.id)).outcome(), 120_000);
      expect(outcome).toMatchObject({ status: "completed" });
      const [account] = await next.runtime.budgets();
      expect(account).toMatchObject({ reserved: 0 });
      expect(account?.spent).toBeCloseTo("costUsd" in outcome ? (outcome.costUsd ?? 0) : 0, 8);
      await next.close();
    }
  });

  it("E8 is not held by a session that is left to an operator", async () => {
    let test = await start(agentOf({ model: recordingModel(() => ({ hang: true }), DEAR), settings }), {
      scope: "tenant",
      maxCostUsd: 1,
    });
    const session = await test.runtime.createSession("clerk", { tenant: "acme" });
    const run = await session.send("go");
    for (let death = 0; death < 3; death += 1) {
      await test.clock.settle();
      test.crashAfter(0);
      test = await test.restart();
    }
    expect(await within(test, (await test.runtime.getRun(run.id)).outcome(), 60_000)).toMatchObject({
      waitingFor: [{ kind: "operator" }],
    });
    expect(await test.runtime.budgets()).toMatchObject([{ reserved: 0 }]);
  });
});

describe("a period", () => {
  const paris = periodsIn("day", "Europe/Paris");
  it.each([
    ["a day", periodsIn("day", "UTC"), "2026-11-29T23:59:59.999Z", "2026-11-29", "2026-11-30T00:00:00.000Z"],
    ["a month", periodsIn("month", "UTC"), "2026-02-01T00:00:00.000Z", "2026-02", "2026-03-01T00:00:00.000Z"],
    [
      "December",
      periodsIn("month", "Asia/Tokyo"),
      "2026-12-31T14:59:59.999Z",
      "2026-12",
      "2026-12-31T15:00:00.000Z",
    ],
    ["a day of 23 hours", paris, "2026-03-28T23:00:00.000Z", "2026-03-29", "2026-03-29T22:00:00.000Z"],
    ["a day of 25 hours", paris, "2026-10-24T22:00:00.000Z", "2026-10-25", "2026-10-25T23:00:00.000Z"],
    [
      "the day before one that was left out",
      periodsIn("day", "Pacific/Apia"),
      "2011-12-29T12:00:00.000Z",
      "2011-12-29",
      "2011-12-30T10:00:00.000Z",
    ],
  ])("E8 of the calendar has a name and an end: %s", (...[, period, at, name, end]) => {
    const { name: found, endsAt } = period(Date.parse(at));
    expect(found).toBe(name);
    expect(new Date(endsAt() ?? 0).toISOString()).toBe(end);
  });

  it("E8 that is none never ends", () => {
    expect(periodsIn("total", "UTC")(NOON).endsAt()).toBeNull();
  });
});
