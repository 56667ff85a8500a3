import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createTestRuntime, type ScriptedStep, type TestRuntimeOptions } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  recordingModel,
  type RecordingModel,
  toolOf,
  within,
} from "../testing/scenario.fixture.ts";
import { createRuntime, defineAgent, type AgentDefinition } from "./index.ts";

const Total = z.object({ total: z.number(), note: z.string().default("none") });

const typed = (model: RecordingModel) =>
  defineAgent({ name: "clerk", instructions: "", model, output: Total });

const ask = async <Output>(agent: AgentDefinition<Output>, options: Partial<TestRuntimeOptions> = {}) => {
  const test = await createTestRuntime({ agents: [agent], ...options });
  const session = await test.runtime.createSession(agent);
  const run = await session.send("how much?");
  const outcome = await within(test, run.outcome(), 60_000);
  return { test, session, run, outcome, events: await journalOf(test, session.id) };
};

describe("an answer with an output schema", () => {
  it("is the validated value, defaults and all", async () => {
    const { outcome } = await ask(typed(recordingModel([{ text: '{"total": 3}' }])));
    expect(outcome).toMatchObject({
      status: "completed",
      output: { total: 3, note: "none" },
      text: '{"total": 3}',
    });
  });

  it("may stand in a code fence", async () => {
    const { outcome } = await ask(typed(recordingModel([{ text: '```json\n{"total": 3}\n```' }])));
    expect(outcome).toMatchObject({ output: { total: 3 } });
  });

  it("is sent back with what is wrong with it, and the mended one counts", async () => {
    const model = recordingModel([
      { text: '{"total": "three"}' },
      { text: "well…" },
      { text: '{"total": 3}' },
    ]);
    const { outcome } = await ask(typed(model));
    expect(outcome).toMatchObject({ status: "completed", output: { total: 3 }, turns: 3 });
    const [, second, third] = model.requests.map((request) => JSON.stringify(request.messages.at(-1)));
    expect(second).toContain("total: ");
    expect(third).toContain("not JSON");
  });

  it("E7 is sent back twice at most, then the run fails typed", async () => {
    const model = recordingModel(() => ({ text: "no" }));
    const { outcome } = await ask(typed(model));
    expect(outcome).toMatchObject({ status: "failed", failure: { code: "OUTPUT_INVALID" } });
    expect(model.requests).toHaveLength(3);
  });

  it.each([
    [{ text: '{"total": 3}', finish: "length" }],
    [{ text: '{"total": 3', finish: "length" }],
    [{ text: '{"total": 3}', finish: "other" }],
  ] satisfies readonly (readonly [ScriptedStep])[])("E9 is not taken when it was cut: %o", async (cut) => {
    const model = recordingModel([cut, { text: '{"total": 4}' }]);
    const { outcome } = await ask(typed(model));
    expect(outcome).toMatchObject({ status: "completed", output: { total: 4 } });
  });

  it("that the provider filtered out is a refusal", async () => {
    const { outcome } = await ask(typed(recordingModel([{ finish: "content-filter" }])));
    expect(outcome).toMatchObject({ status: "failed", failure: { code: "MODEL_REFUSED" } });
  });

  it("is thrown typed by the one-shot call when it does not come", async () => {
    const agent = typed(recordingModel(() => ({ text: "no" })));
    const test = await createTestRuntime({ agents: [agent] });
    const call = test.runtime.run(agent, "how much?");
    call.catch(() => undefined);
    await test.advanceTime(5_000);
    await expect(call).rejects.toMatchObject({ name: "RunError", code: "OUTPUT_INVALID" });
  });

  it("is read back as it was from a second runtime after a restart", async () => {
    const agent = typed(recordingModel([{ text: '{"total": 3}' }]));
    const { test, run, session, outcome } = await ask(agent);
    const next = await test.restart();
    const again = await next.runtime.getRun<z.infer<typeof Total>>(run.id);
    expect(await again.outcome()).toEqual(outcome);
    expect((await next.runtime.getSession(session.id)).id).toBe(session.id);
    const onlooker = await createRuntime({
      agents: [],
      store: next.store.attach(),
      clock: next.clock,
      isWorker: false,
    });
    expect(await (await onlooker.getRun(run.id)).outcome()).toEqual(outcome);
    await onlooker.close();
  });
});

describe("the limit of turns", () => {
  const loop = () => recordingModel(() => ({ toolCalls: [{ name: "act" }] }));
  const act = toolOf({ name: "act", effect: "read", execute: () => 1 });

  it("E7 is 50 when nothing is said", async () => {
    const model = loop();
    const limits = { maxRepeats: Number.POSITIVE_INFINITY };
    const { outcome } = await ask(agentOf({ model, tools: [act], limits }));
    expect(outcome).toMatchObject({ status: "failed", failure: { code: "RUN_MAX_TURNS", retryable: false } });
    expect(model.requests).toHaveLength(50);
  });

  it("E7 does not count attempts, and the next run has its own", async () => {
    const model = recordingModel(({ index, lastUserText, toolResults }) => {
      if (index % 2 === 0) return { fail: { code: "MODEL_UNAVAILABLE" } };
      return toolResults.length > 0 || lastUserText === "again"
        ? { text: "done" }
        : { toolCalls: [{ name: "act" }] };
    });
    const agent = agentOf({ model, tools: [act], limits: { maxTurns: 2 } });
    const { test, session, outcome } = await ask(agent);
    expect(outcome).toMatchObject({ status: "completed", turns: 2, retries: 2 });
    const again = await session.send("again");
    expect(await within(test, again.outcome(), 5_000)).toMatchObject({ status: "completed", turns: 1 });
  });
});

describe("what a run took", () => {
  const usage = { inputTokens: 100, outputTokens: 10, cacheReadTokens: 40, reasoningTokens: 5 };
  const act = toolOf({ name: "act", effect: "read", execute: () => 1 });
  const prices = { "scripted/scripted": { inputPerMTok: 2, outputPerMTok: 10 } };
  const twoTurns = (): RecordingModel =>
    recordingModel(({ toolResults }) =>
      toolResults.length > 0 ? { text: "done", usage } : { toolCalls: [{ name: "act" }], usage },
    );

  it("E8 O1 is the sum of all its calls", async () => {
    const { outcome, events } = await ask(agentOf({ model: twoTurns(), tools: [act] }), { prices });
    expect(outcome).toMatchObject({
      usage: { inputTokens: 200, outputTokens: 20, cacheReadTokens: 80, reasoningTokens: 10 },
      estimatedCalls: 0,
      turns: 2,
      toolCalls: 1,
      retries: 0,
    });
    const charges = headersOf(events, "model-call.completed").map((header) => header.charge.costUsd);
    const sum = charges.reduce<number>((total, cost) => total + (cost ?? Number.NaN), 0);
    expect(sum).toBeGreaterThan(0);
    expect(outcome).toMatchObject({ costUsd: sum });
  });

  it("E8 costs null, not nothing, when a price is unknown", async () => {
    const { outcome } = await ask(agentOf({ model: twoTurns(), tools: [act] }));
    expect(outcome).toMatchObject({ costUsd: null, usage: { inputTokens: 200 } });
  });

  it("E8 O1 counts a call that broke off, by estimate and marked as one", async () => {
    const model = recordingModel([
      { text: "a long beginning of an answer", cutAfterChars: 20, usage },
      { text: "done", usage },
    ]);
    const { outcome, events } = await ask(agentOf({ model }), { prices });
    expect(outcome).toMatchObject({ estimatedCalls: 1, retries: 1 });
    const [failed] = headersOf(events, "model-call.failed");
    expect(failed?.charge).toMatchObject({ isEstimate: true, usage: { outputTokens: 5 } });
    expect(failed?.charge.costUsd).toBeGreaterThan(0);
  });

  it("E8 estimates what a provider does not report", async () => {
    const { outcome } = await ask(
      agentOf({ model: recordingModel([{ text: "twelve chars", usage: null }]) }),
    );
    expect(outcome).toMatchObject({ estimatedCalls: 1, usage: { outputTokens: 3 } });
  });

  it("O1 every event has its time, and those of calls their duration", async () => {
    const slow = toolOf({
      name: "act",
      effect: "read",
      execute: () => new Promise<void>((resolve) => void clock.current?.(1_500, resolve)),
    });
    const clock: { current?: (ms: number, fire: () => void) => unknown } = {};
    const agent = agentOf({ model: twoTurns(), tools: [slow] });
    const test = await createTestRuntime({ agents: [agent] });
    clock.current = test.clock.startTimer.bind(test.clock);
    const session = await test.runtime.createSession(agent);
    const outcome = await within(test, (await session.send("go")).outcome(), 5_000);
    const events = await journalOf(test, session.id);
    expect(headersOf(events, "tool-call.completed")).toMatchObject([{ durationMs: 1_500 }]);
    expect(outcome).toMatchObject({ durationMs: 1_500 });
    expect(events.every((event, index) => event.at >= (events[index - 1]?.at ?? 0))).toBe(true);
  });
});

describe("settings of a send", () => {
  it("go over the agent's, for this run alone, also after a restart", async () => {
    const model = recordingModel(({ index }) => (index === 0 ? { hang: true } : { text: "ok" }));
    const agent = agentOf({ model, settings: { temperature: 0.1, maxOutputTokens: 5 } });
    const test = await createTestRuntime({ agents: [agent] });
    const session = await test.runtime.createSession(agent);
    const run = await session.send("one", { settings: { temperature: 0.9 } });
    await test.clock.settle();
    const next = await test.restart();
    await within(next, (await next.runtime.getRun(run.id)).outcome(), 60_000);
    const two = await (await next.runtime.getSession(session.id)).send("two");
    await within(next, two.outcome(), 5_000);
    expect(model.requests.map((request) => request.settings)).toEqual([
      { temperature: 0.9, maxOutputTokens: 5 },
      { temperature: 0.9, maxOutputTokens: 5 },
      { temperature: 0.1, maxOutputTokens: 5 },
    ]);
  });
});
