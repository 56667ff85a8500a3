import { describe, expect, it } from "vitest";
import { createTestRuntime, type TestRuntimeOptions } from "../testing/index.ts";
import { CHEAP, DEAR, look, prices, settings, USED } from "../testing/priced-models.fixture.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  recordingModel,
  type RecordingModel,
  toolOf,
  within,
} from "../testing/scenario.fixture.ts";
import type { AgentDefinition, AgentLimits } from "./index.ts";

const using = (place: number) => ({ toolCalls: [{ name: "look", input: { place } }] });

const start = async (agent: AgentDefinition, options: Partial<TestRuntimeOptions> = {}) => {
  const test = await createTestRuntime({ agents: [agent], prices, ...options });
  const session = await test.runtime.createSession(agent);
  return { test, session };
};

const spender = (limits: AgentLimits, written = 900) => {
  // It writes no more than it is asked for, as providers do.
  const model: RecordingModel = recordingModel(({ index }) => {
    const most = model.requests.at(-1)?.settings.maxOutputTokens ?? written;
    const usage = { inputTokens: 100, outputTokens: Math.min(written, most) };
    return { ...using(index), usage };
  }, DEAR);
  return { model, agent: agentOf({ model, tools: [look], limits, settings }) };
};

describe("a run with a limit in money", () => {
  it("E8 reckons instructions in a dense script as the tokens that they may come to", async () => {
    const model = recordingModel(() => ({ text: "done", usage: USED }), DEAR);
    const agent = agentOf({
      model,
      instructions: "港".repeat(10_000),
      limits: { maxTokens: 100_000 },
      settings,
    });
    const { test, session } = await start(agent);
    await within(test, (await session.send("go")).outcome(), 60_000);
    const [call] = headersOf(await journalOf(test, session.id), "model-call.started");
    expect(call?.reserved?.inputTokens).toBeGreaterThanOrEqual(10_000);
    await test.close();
  });

  it("E8 is ended before the call that would cross it, and says which limit", async () => {
    const { agent, model } = spender({ maxCostUsd: 0.05 });
    const { test, session } = await start(agent);
    const outcome = await within(test, (await session.send("go")).outcome(), 60_000);
    expect(outcome).toMatchObject({
      status: "failed",
      failure: {
        code: "BUDGET_EXCEEDED",
        retryable: false,
        details: { budget: "run", unit: "usd", limit: 0.05 },
      },
    });
    const costUsd = "costUsd" in outcome ? outcome.costUsd : null;
    expect(costUsd).toBeLessThanOrEqual(0.05);
    // What is left would not have paid for the least that is worth asking for.
    expect(costUsd).toBeGreaterThan(0.04);
    expect(model.requests.length).toBeGreaterThan(4);
  });

  it("E8 asks the model for no more than what is left pays for, and takes no half answer for a whole one", async () => {
    const model = recordingModel(
      [
        { ...using(1), usage: USED },
        {
          text: "It was a dark and stormy",
          finish: "length",
          usage: { inputTokens: 200, outputTokens: 400 },
        },
      ],
      DEAR,
    );
    const { test, session } = await start(
      agentOf({ model, tools: [look], limits: { maxCostUsd: 0.0145 }, settings }),
    );
    expect(await within(test, (await session.send("go")).outcome(), 60_000)).toMatchObject({
      status: "failed",
      failure: { code: "BUDGET_EXCEEDED" },
    });
    const [first, second] = model.requests.map((request) => request.settings.maxOutputTokens ?? 0);
    expect(first).toBe(1_000);
    expect(second).toBeGreaterThanOrEqual(256);
    expect(second).toBeLessThan(600);
  });

  it("E8 refuses to begin with a model whose price nobody knows, and names it", async () => {
    const model = recordingModel([{ text: "hi" }], { provider: "own", modelId: "big" });
    const refused = await start(agentOf({ model, limits: { maxCostUsd: 1 } }));
    expect(await (await refused.session.send("go")).outcome()).toMatchObject({
      status: "failed",
      failure: {
        code: "PRICE_UNKNOWN",
        details: { provider: "own", modelId: "big" },
        hint: expect.stringContaining('"own/big"'),
      },
    });
    expect(model.requests).toHaveLength(0);
    const allowed = await start(agentOf({ model, limits: { maxCostUsd: 1, onUnknownPrice: "allow" } }));
    expect(await (await allowed.session.send("go")).outcome()).toMatchObject({ status: "completed" });
  });

  it("E8 goes on with a cheaper model, and stays with it", async () => {
    const dear = recordingModel(({ index }) => ({ ...using(index), usage: USED }), DEAR);
    const cheap = recordingModel(
      [
        { ...using(7), usage: { inputTokens: 100, outputTokens: 100 } },
        { text: "done", usage: { inputTokens: 100, outputTokens: 100 } },
      ],
      CHEAP,
    );
    const limits = { maxCostUsd: 0.03, onLimit: "degrade" } as const;
    const { test, session } = await start(agentOf({ model: [dear, cheap], tools: [look], limits, settings }));
    expect(await within(test, (await session.send("go")).outcome(), 60_000)).toMatchObject({
      status: "completed",
      text: "done",
    });
    expect([dear.requests.length, cheap.requests.length]).toEqual([3, 2]);
    const [refused] = headersOf(await journalOf(test, session.id), "budget.refused");
    expect(refused).toMatchObject({ candidate: 0, next: { kind: "degrade", candidate: 1 } });
  });

  it("E8 S3 asks, holds nothing meanwhile, and goes on when somebody raises it", async () => {
    const model = recordingModel(
      [
        { ...using(1), usage: USED },
        { text: "done", usage: { inputTokens: 100, outputTokens: 100 } },
      ],
      DEAR,
    );
    const limits = { maxCostUsd: 0.015, onLimit: "ask" } as const;
    const { test, session } = await start(agentOf({ model, tools: [look], limits, settings }));
    const run = await session.send("go");
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({
      status: "suspended",
      waitingFor: [{ kind: "budget", budget: "run", unit: "usd", limit: 0.015 }],
    });
    expect(await session.snapshot()).toMatchObject({
      spending: { tokens: 1_000, limits: { maxCostUsd: 0.015 }, reserved: null },
    });
    // Too little is asked for again.
    await session.raiseBudget({ addCostUsd: 0.0001, by: "ada" });
    await test.advanceTime(1_000);
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({ status: "suspended" });
    await session.raiseBudget({ addCostUsd: 0.05 });
    expect(await within(test, run.outcome({ until: "settled" }), 60_000)).toMatchObject({
      status: "completed",
      text: "done",
    });
    const raised = (await journalOf(test, session.id)).filter(
      ({ header }) => header.type === "budget.raised",
    );
    expect(raised.map(({ payload }) => payload)).toEqual([{ by: "ada" }, {}]);
    await expect(session.raiseBudget({ addTokens: 5 })).rejects.toMatchObject({ code: "RUN_NOT_OPEN" });
  });

  it("E8 a run that asks for more can be cancelled", async () => {
    const { agent } = spender({ maxCostUsd: 0.011, onLimit: "ask" });
    const { test, session } = await start(agent);
    const run = await session.send("go");
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({ status: "suspended" });
    await run.cancel();
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({ status: "cancelled" });
  });

  it("E8 that pays for no call at all ends with its beginning, and the next one begins in the same commit", async () => {
    const { agent, model } = spender({ maxCostUsd: 0.000_1 });
    const { test, session } = await start(agent);
    const runs = await Promise.all(["one", "two", "three"].map((text) => session.send(text)));
    for (const run of runs) {
      expect(await within(test, run.outcome(), 60_000)).toMatchObject({
        status: "failed",
        failure: { code: "BUDGET_EXCEEDED" },
        turns: 0,
      });
    }
    expect(model.requests).toHaveLength(0);
  });

  it("E8 charges all that was set aside for a call whose holder died, and it counts", async () => {
    const model = recordingModel([{ hang: true }], DEAR);
    const { test, session } = await start(agentOf({ model, limits: { maxCostUsd: 0.0125 }, settings }));
    const run = await session.send("go");
    await test.clock.settle();
    const [started] = headersOf(await journalOf(test, session.id), "model-call.started");
    expect(started?.reserved?.costUsd).toBeGreaterThan(0.01);
    test.crashAfter(0);
    const next = await test.restart();
    const outcome = await within(next, (await next.runtime.getRun(run.id)).outcome(), 60_000);
    expect(outcome).toMatchObject({ status: "failed", failure: { code: "BUDGET_EXCEEDED" } });
    const [lost] = headersOf(await journalOf(next, session.id), "model-call.failed");
    expect(lost).toMatchObject({ code: "MODEL_CALL_LOST", charge: { costUsd: started?.reserved?.costUsd } });
  });

  it("E8 charges a stream that broke off with the most it may have been, and what is left is spent on", async () => {
    const model = recordingModel(
      [
        { text: "x".repeat(400), cutAfterChars: 200 },
        { text: "done", usage: { inputTokens: 10, outputTokens: 10 } },
      ],
      DEAR,
    );
    const { test, session } = await start(agentOf({ model, limits: { maxCostUsd: 0.02 }, settings }));
    const outcome = await within(test, (await session.send("go")).outcome(), 60_000);
    expect(outcome).toMatchObject({ status: "completed", estimatedCalls: 1 });
    const [cut] = headersOf(await journalOf(test, session.id), "model-call.failed");
    expect(cut?.charge.usage.outputTokens).toBe(200 / 2 + 64);
  });

  it("E8 records what came to more than the worst case, and counts it", async () => {
    const model = recordingModel([{ text: "hi", usage: { inputTokens: 9_000, outputTokens: 1_500 } }], DEAR);
    const { test, session } = await start(agentOf({ model, limits: { maxCostUsd: 0.02 }, settings }));
    expect(await (await session.send("go")).outcome()).toMatchObject({ status: "completed", costUsd: 0.024 });
    const [crossed] = headersOf(await journalOf(test, session.id), "budget.crossed");
    expect(crossed?.overTokens).toBeGreaterThan(8_000);
    expect(crossed?.overUsd).toBeGreaterThan(0);
  });
});

describe("a run with other limits", () => {
  it("E8 is ended before it takes more tokens than it may", async () => {
    const { agent, model } = spender({ maxTokens: 4_500 }, 500);
    const { test, session } = await start(agent);
    const outcome = await within(test, (await session.send("go")).outcome(), 60_000);
    expect(outcome).toMatchObject({
      status: "failed",
      failure: { code: "BUDGET_EXCEEDED", details: { unit: "tokens", limit: 4_500 } },
    });
    expect(model.requests.length * 600).toBeLessThanOrEqual(4_500);
    expect(model.requests.length).toBeGreaterThan(4);
  });

  it("E8 E3 makes so many tool calls and answers the others unmade", async () => {
    const made: unknown[] = [];
    const act = toolOf({ name: "act", effect: "read", execute: (input) => void made.push(input) });
    const calls = (count: number) => ({
      toolCalls: Array.from({ length: count }, (_, n) => ({ name: "act", input: { n } })),
    });
    const model = recordingModel([calls(2), calls(3)]);
    const { test, session } = await start(
      agentOf({ model, tools: [act], limits: { maxToolCalls: 3, maxRepeats: Number.POSITIVE_INFINITY } }),
    );
    expect(await within(test, (await session.send("go")).outcome(), 60_000)).toMatchObject({
      status: "failed",
      failure: { code: "RUN_MAX_TOOL_CALLS" },
    });
    expect(made).toHaveLength(3);
    const refused = headersOf(await journalOf(test, session.id), "tool-call.failed");
    expect(refused.map(({ code }) => code)).toEqual(["TOOL_NOT_RUN", "TOOL_NOT_RUN"]);
  });
});

describe("limits of one send", () => {
  it("E8 tighten those of the agent for that run alone", async () => {
    const { agent, model } = spender({ maxCostUsd: 1, maxTurns: 6 });
    const { test, session } = await start(agent);
    const run = await session.send("go", { limits: { maxCostUsd: 0.025 } });
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({
      status: "failed",
      failure: { code: "BUDGET_EXCEEDED", details: { limit: 0.025 } },
    });
    const before = model.requests.length;
    const next = await session.send("again");
    expect(await within(test, next.outcome(), 60_000)).toMatchObject({ failure: { code: "RUN_MAX_TURNS" } });
    expect(model.requests.length - before).toBe(6);
  });

  it("E8 are refused where they loosen, and it is said which", async () => {
    const { agent } = spender({ maxCostUsd: 1, maxTurns: 6 });
    const { session } = await start(agent);
    await expect(session.send("go", { limits: { maxTurns: 7 } })).rejects.toMatchObject({
      code: "OPTION_INVALID",
      failure: { details: { option: "maxTurns" }, hint: "A send may only tighten the limits of its agent." },
    });
    await expect(session.send("go", { limits: { maxCostUsd: -1 } })).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
  });

  it("E8 J4 hold though the input was erased before its run began", async () => {
    const { agent } = spender({ maxCostUsd: 1 });
    const { test, session } = await start(agent, {});
    const first = await session.send("first");
    await first.cancel();
    const run = await session.send("go", { limits: { maxCostUsd: 0.025 } });
    await within(test, run.outcome(), 60_000);
    const [, accepted] = headersOf(await journalOf(test, session.id), "run.accepted");
    expect(accepted?.limits).toEqual({ maxCostUsd: 0.025 });
  });
});

describe("a model that goes round in circles", () => {
  const same = { toolCalls: [{ name: "look", input: { place: "harbour" } }] };

  it("E8 is told so, and stopped when it goes on", async () => {
    const model = recordingModel(() => same);
    const { test, session } = await start(agentOf({ model, tools: [look], limits: { maxRepeats: 3 } }));
    expect(await within(test, (await session.send("go")).outcome(), 60_000)).toMatchObject({
      status: "failed",
      failure: { code: "RUN_LOOPING" },
      turns: 4,
    });
    const told = JSON.stringify(model.requests.at(-1)?.messages.at(-1));
    expect(told).toContain("3 times in a row");
    expect(JSON.stringify(model.requests.at(-2)?.messages)).not.toContain("in a row");
    const results = headersOf(await journalOf(test, session.id), "tool-call.completed");
    expect(results.map(({ repeats }) => repeats)).toEqual([1, 2, 3, 4]);
  });

  it("E8 may go on when it hears of it, and when a result changes", async () => {
    const model = recordingModel([same, same, same, using(1), same, same, { text: "done" }]);
    const { test, session } = await start(agentOf({ model, tools: [look], limits: { maxRepeats: 3 } }));
    expect(await within(test, (await session.send("go")).outcome(), 60_000)).toMatchObject({
      status: "completed",
    });
  });

  it("E8 is noticed with calls that fail and calls that are refused, too", async () => {
    const broken = toolOf({
      name: "look",
      effect: "read",
      execute: () => {
        throw new TypeError("no");
      },
    });
    for (const tools of [[broken], []]) {
      const { test, session } = await start(
        agentOf({ model: recordingModel(() => same), tools, limits: { maxRepeats: 4 } }),
      );
      expect(await within(test, (await session.send("go")).outcome(), 60_000)).toMatchObject({
        failure: { code: "RUN_LOOPING" },
        turns: 5,
      });
    }
  });

  it("E8 is noticed across a change of hands, and begins anew after an erasure", async () => {
    for (const isErased of [false, true]) {
      const model = recordingModel(({ index }) => (index === 2 ? { hang: true } : same));
      const agent = agentOf({ model, tools: [look], limits: { maxRepeats: 3 } });
      const { test, session } = await start(agent);
      const run = await session.send("go");
      await test.advanceTime(10);
      test.crashAfter(0);
      if (isErased) await test.store.erase(session.id);
      const next = await test.restart({ agents: [agent] });
      expect(await within(next, (await next.runtime.getRun(run.id)).outcome(), 60_000)).toMatchObject({
        failure: { code: "RUN_LOOPING" },
        turns: isErased ? 6 : 4,
      });
    }
  });
});
