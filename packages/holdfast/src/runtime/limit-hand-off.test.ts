import { describe, expect, it } from "vitest";
import { deathsUpTo, throughDeaths } from "../testing/deaths.fixture.ts";
import { createTestRuntime, type TestRuntimeOptions } from "../testing/index.ts";
import { CHEAP, DEAR, look, prices, settings, USED } from "../testing/priced-models.fixture.ts";
import { agentOf, headersOf, journalOf, recordingModel, within } from "../testing/scenario.fixture.ts";
import { handOffTool, type AgentDefinition, type AgentLimits } from "./index.ts";

const LIMITS: AgentLimits = { maxCostUsd: 0.0205, onLimit: { handOffTo: "junior" } };

/** One who looks for ever, with a dear model, and one who answers, with a cheap one. */
const team = ({
  limits = LIMITS,
  junior = {},
}: { readonly limits?: AgentLimits; readonly junior?: Partial<Parameters<typeof agentOf>[0]> } = {}) => {
  const dear = recordingModel(
    ({ index }) => ({ toolCalls: [{ name: "look", input: { place: index } }], usage: USED }),
    DEAR,
  );
  const cheap = recordingModel(() => ({ text: "That is all we saw.", usage: USED }), CHEAP);
  const senior = agentOf({ name: "senior", model: dear, tools: [look], limits, settings });
  const next = agentOf({ name: "junior", instructions: "Sum up.", model: cheap, settings, ...junior });
  return { dear, cheap, senior, next };
};

const start = async (agents: readonly AgentDefinition[], options: Partial<TestRuntimeOptions> = {}) => {
  const test = await createTestRuntime({ agents, prices, ...options });
  const [first] = agents;
  if (first === undefined) throw new TypeError("nobody is there");
  const session = await test.runtime.createSession(first, { tenant: "acme" });
  return { test, session };
};

/** A desk, whose model hands the session at once to the senior, who has limits of its own or none. */
const startAtDesk = async (seniors: { readonly limits?: AgentLimits }) => {
  const { dear, cheap, next } = team();
  const over = {
    toolCalls: [{ name: "over", input: { message: "x" } }],
    usage: { inputTokens: 50, outputTokens: 50 },
  };
  const desk = agentOf({
    name: "desk",
    model: recordingModel([over], DEAR),
    tools: [handOffTool("senior", { name: "over", description: "hands over" })],
    limits: LIMITS,
    settings,
  });
  const senior = agentOf({ name: "senior", model: dear, tools: [look], settings, ...seniors });
  return { ...(await start([desk, senior, next])), cheap };
};

describe("a run that is handed over at its limit", () => {
  it("E8 goes on with the other agent before the call that does not fit, within what is left", async () => {
    const { dear, cheap, senior, next } = team();
    const { test, session } = await start([senior, next]);
    const outcome = await within(test, (await session.send("look around")).outcome(), 60_000);
    expect(outcome).toMatchObject({ status: "completed", text: "That is all we saw." });
    expect([dear.requests.length, cheap.requests.length]).toEqual([2, 1]);
    expect(cheap.requests[0]?.system).toBe("Sum up.");
    expect(JSON.stringify(cheap.requests[0]?.messages)).toContain("seen 1");
    expect("costUsd" in outcome ? outcome.costUsd : null).toBeLessThanOrEqual(0.0205);
    const journal = await journalOf(test, session.id);
    expect(headersOf(journal, "budget.refused")).toMatchObject([
      { budget: "run", next: { kind: "hand-off", agent: "junior" } },
    ]);
    expect(headersOf(journal, "run.handed-off")).toMatchObject([
      { agent: "junior", settings: { budget: { maxCostUsd: 0.0205, onLimit: "stop" } } },
    ]);
    await test.close();
  });

  it("E8 ends there when the other agent does not fit what is left either", async () => {
    const { cheap, senior, next } = team({ junior: { model: recordingModel([{ text: "dear" }], DEAR) } });
    const { test, session } = await start([senior, next]);
    const outcome = await within(test, (await session.send("look around")).outcome(), 60_000);
    expect(outcome).toMatchObject({ status: "failed", failure: { code: "BUDGET_EXCEEDED" } });
    expect(cheap.requests).toEqual([]);
    await test.close();
  });

  it("E8 is handed over once: the next agent's own rule to hand over is not followed", async () => {
    const { dear, senior, next } = team({
      junior: {
        model: recordingModel([{ text: "dear" }], DEAR),
        limits: { maxCostUsd: 1, onLimit: { handOffTo: "senior" } },
      },
    });
    const { test, session } = await start([senior, next]);
    const outcome = await within(test, (await session.send("look around")).outcome(), 60_000);
    expect(outcome).toMatchObject({ status: "failed", failure: { code: "BUDGET_EXCEEDED" } });
    expect(dear.requests).toHaveLength(2);
    expect(headersOf(await journalOf(test, session.id), "run.handed-off")).toHaveLength(1);
    await test.close();
  });

  it("E8 follows the next agent's rule where that is to ask", async () => {
    const { senior, next } = team({
      junior: {
        model: recordingModel([{ text: "at last", usage: USED }], DEAR),
        limits: { maxCostUsd: 1, onLimit: "ask" },
      },
    });
    const { test, session } = await start([senior, next]);
    const run = await session.send("look around");
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({
      status: "suspended",
      waitingFor: [{ kind: "budget" }],
    });
    await session.raiseBudget({ addCostUsd: 0.1, by: "ada" });
    expect(await within(test, run.outcome({ until: "settled" }), 60_000)).toMatchObject({ text: "at last" });
    await test.close();
  });

  it("E8 ends, and says why, where the other agent's price is not known", async () => {
    const model = recordingModel([{ text: "who knows" }], { provider: "own", modelId: "big" });
    const { senior, next } = team({ junior: { model } });
    const { test, session } = await start([senior, next]);
    const outcome = await within(test, (await session.send("look around")).outcome(), 60_000);
    expect(outcome).toMatchObject({
      status: "failed",
      failure: { code: "BUDGET_EXCEEDED", message: expect.stringMatching(/to agent "junior": .*own\/big/) },
    });
    expect(model.requests).toEqual([]);
    await test.close();
  });

  it("keeps to the agent that it was handed to by the model before, whose own rule counts", async () => {
    const { test, session } = await startAtDesk({});
    const outcome = await within(test, (await session.send("go")).outcome(), 60_000);
    expect(outcome).toMatchObject({ status: "failed", failure: { code: "BUDGET_EXCEEDED" } });
    expect(headersOf(await journalOf(test, session.id), "run.handed-off")).toMatchObject([
      { agent: "senior" },
    ]);
    await test.close();
  });

  it("E8 is handed over by the rule of the agent that a model handed it to", async () => {
    const { test, session, cheap } = await startAtDesk({ limits: LIMITS });
    const outcome = await within(test, (await session.send("go")).outcome(), 60_000);
    expect(outcome).toMatchObject({ text: "That is all we saw." });
    expect(cheap.requests).toHaveLength(1);
    await test.close();
  });

  it("E5 is cancelled like any other, by the agent that has it", async () => {
    const { dear, senior, next } = team({
      junior: {
        model: recordingModel([{ text: "dear", usage: USED }], DEAR),
        limits: { maxCostUsd: 1, onLimit: "ask" },
      },
    });
    const { test, session } = await start([senior, next]);
    const run = await session.send("look around");
    await within(test, run.outcome(), 60_000);
    await run.cancel({ mode: "rollback" });
    expect(await within(test, run.outcome({ until: "settled" }), 60_000)).toMatchObject({
      status: "cancelled",
    });
    expect(dear.requests).toHaveLength(2);
    await test.close();
  });

  it.each(deathsUpTo(6))(
    "J1 E8 is handed over once, though its process dies $moment write $write",
    async (death) => {
      const { senior, next } = team();
      const test = await throughDeaths(
        { agent: senior, more: { agents: [senior, next], prices }, livesMs: 70_000 },
        [death],
        async ({ runtime }) => {
          const session = await runtime.createSession(senior, { key: "one" });
          await session.send("look around", { idempotencyKey: "go" });
        },
      );
      const session = await test.runtime.createSession(senior, { key: "one" });
      const run = await session.send("look around", { idempotencyKey: "go" });
      const outcome = await within(test, run.outcome(), 60_000);
      expect(outcome).toMatchObject({ text: "That is all we saw." });
      expect("costUsd" in outcome ? outcome.costUsd : null).toBeLessThanOrEqual(0.0205);
      const journal = await journalOf(test, session.id);
      expect(headersOf(journal, "run.handed-off")).toHaveLength(1);
      await test.close();
    },
  );

  it("is refused where nobody has that name, or the other answers in another form", async () => {
    const { senior } = team();
    const junioR = agentOf({ name: "juniors", model: recordingModel([]) });
    await expect(createTestRuntime({ agents: [senior, junioR] })).rejects.toMatchObject({
      code: "DEFINITION_INVALID",
      message: expect.stringContaining('"onLimit" of agent "senior" names agent "junior"'),
      hint: 'Did you mean "juniors"?',
    });
    expect(() => team({ limits: { maxCostUsd: 1, onLimit: { handOffTo: "" } } })).toThrow(/name of an agent/);
    expect(() => team({ limits: { maxCostUsd: 1, onLimit: { handOfTo: "x" } as never } })).toThrow(
      /no option "handOfTo"/,
    );
  });
});
