import { describe, expect, it } from "vitest";
import { ModelCallError } from "../core/errors.ts";
import type { FailureCode } from "../core/failure.ts";
import { scriptedModel, createTestRuntime, type TestRuntimeOptions } from "../testing/index.ts";
import { agentOf, headersOf, journalOf, within } from "../testing/scenario.fixture.ts";
import type { Model } from "../ports/model.ts";

const CIRCUIT = { minFailures: 3, windowMs: 60_000, openMs: 10_000, maxOpenMs: 40_000 };

/** A model that works or does not, and counts how often it was called. */
const modelOf = (modelId: string) => {
  const state = { works: true, calls: 0, code: "MODEL_UNAVAILABLE" as FailureCode };
  const inner = scriptedModel(() => ({ text: modelId }));
  const model: Model = {
    provider: inner.provider,
    modelId,
    call: (request) => {
      state.calls += 1;
      if (state.works) return inner.call(request);
      throw new ModelCallError(state.code, "It is away.");
    },
  };
  return { state, model };
};

const start = async (models: readonly Model[], options: Partial<TestRuntimeOptions> = {}) => {
  const agent = agentOf({ model: models });
  const test = await createTestRuntime({
    agents: [agent],
    modelCircuit: CIRCUIT,
    modelRetry: { maxAttempts: 2, initialDelayMs: 10 },
    ...options,
  });
  const ask = async (limitMs = 1_000) => {
    const session = await test.runtime.createSession(agent);
    const outcome = await within(test, (await session.send("go")).outcome(), limitMs);
    return { outcome, session };
  };
  return { test, ask };
};

describe("a model that keeps failing", () => {
  it("E7 is called by no session for a while: the next model is asked at once", async () => {
    const first = modelOf("first");
    const second = modelOf("second");
    first.state.works = false;
    const { test, ask } = await start([first.model, second.model]);
    for (let index = 0; index < 6; index += 1)
      expect((await ask()).outcome).toMatchObject({ status: "completed", output: "second" });
    expect(first.state.calls).toBe(3);
    expect(second.state.calls).toBe(6);
    expect(await test.runtime.circuits()).toMatchObject([
      { name: expect.stringContaining("first"), circuit: { kind: "open" } },
    ]);
    await test.close();
  });

  it("E7 is tried by one call when it is time, and by all when that went well", async () => {
    const first = modelOf("first");
    const second = modelOf("second");
    first.state.works = false;
    const { test, ask } = await start([first.model, second.model]);
    for (let index = 0; index < 3; index += 1) await ask();
    first.state.works = true;
    await test.advanceTime(11_000);
    expect((await ask()).outcome).toMatchObject({ output: "first" });
    expect((await ask()).outcome).toMatchObject({ output: "first" });
    expect(await test.runtime.circuits()).toEqual([]);
    await test.close();
  });

  it("E7 is waited for where there is no other, in the journal", async () => {
    const only = modelOf("only");
    only.state.works = false;
    const { test, ask } = await start([only.model], { modelRetry: { maxAttempts: 5, initialDelayMs: 10 } });
    await ask(60_000);
    only.state.works = true;
    const { outcome, session } = await ask(60_000);
    expect(outcome).toMatchObject({ status: "completed" });
    const events = await journalOf(test, session.id);
    expect(headersOf(events, "model-call.failed").length).toBeGreaterThan(0);
    expect(headersOf(events, "run.suspended").length).toBeGreaterThan(0);
    await test.close();
  });

  it("E7 is asked again before a run gives up on it, however long it has been away", async () => {
    const only = modelOf("only");
    only.state.works = false;
    const { test, ask } = await start([only.model]);
    // Each time that it is tried in vain it is held back for twice as long.
    for (let index = 0; index < 4; index += 1) await ask(200_000);
    const [held] = await test.runtime.circuits();
    expect(held?.circuit).toMatchObject({ kind: "open", openings: 3 });
    only.state.works = true;
    expect((await ask(200_000)).outcome).toMatchObject({ status: "completed", output: "only" });
    await test.close();
  });

  it("E8 costs nothing while it is not called", async () => {
    const first = modelOf("first");
    const second = modelOf("second");
    first.state.works = false;
    const { test, ask } = await start([first.model, second.model]);
    for (let index = 0; index < 3; index += 1) await ask();
    const { session } = await ask();
    expect(headersOf(await journalOf(test, session.id), "model-call.failed")).toMatchObject([
      { code: "MODEL_UNAVAILABLE", charge: { costUsd: 0 }, next: { kind: "fallback", candidate: 1 } },
    ]);
    await test.close();
  });

  it("E7 is not one that says no to what it is asked", async () => {
    const first = modelOf("first");
    first.state.works = false;
    first.state.code = "MODEL_REQUEST_REJECTED";
    const { test, ask } = await start([first.model]);
    for (let index = 0; index < 6; index += 1) await ask();
    expect(first.state.calls).toBe(6);
    expect(await test.runtime.circuits()).toEqual([]);
    await test.close();
  });

  it.each([
    ["a name", { name: "mine" }, /no option "name"/],
    ["what cannot be counted", { minFailures: 0 }, /minFailures/],
    ["a slip", { openMS: 1 }, /openMS/],
  ])("E7 is not configured with %s", async (_, modelCircuit, said) => {
    const made = start([modelOf("first").model], { modelCircuit: modelCircuit as never });
    await expect(made).rejects.toThrow(said);
  });

  it("E7 is called whatever happens where nobody asked for that", async () => {
    const first = modelOf("first");
    first.state.works = false;
    const agent = agentOf({ model: first.model });
    const test = await createTestRuntime({ agents: [agent], modelRetry: { maxAttempts: 1 } });
    for (let index = 0; index < 6; index += 1) {
      const session = await test.runtime.createSession(agent);
      await within(test, (await session.send("go")).outcome(), 1_000);
    }
    expect(first.state.calls).toBe(6);
    await test.close();
  });
});
