import { describe, expect, it } from "vitest";
import { z } from "zod";
import { deathsUpTo, throughDeaths } from "../testing/deaths.fixture.ts";
import { createTestRuntime, scriptedModel, type TestRuntimeOptions } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  recordingModel,
  toolOf,
  typesOf,
  within,
  type RecordingModel,
} from "../testing/scenario.fixture.ts";
import { defineAgent, handOffTool, type AgentDefinition, type Schema, type HandOffOptions } from "./index.ts";

const TO = { description: "Knows about money." };

type More = Partial<Parameters<typeof agentOf>[0]>;

/** A specialist that says who it is, and what it saw. */
const specialistOf = (model: RecordingModel, more: More = {}): AgentDefinition =>
  agentOf({ name: "banker", instructions: "You are the banker.", ...more, model });

const banker = (text = "I am the banker.") =>
  recordingModel(() => ({ text }), { provider: "bank", modelId: "bank" });

/** A front desk that hands over at once, along with whatever else it calls. */
const deskOf = (
  specialist: AgentDefinition,
  {
    options = {},
    calls = [],
    more = {},
  }: {
    readonly options?: Pick<Partial<HandOffOptions<Schema>>, "history" | "by" | "needsApproval">;
    readonly calls?: readonly string[];
    readonly more?: More;
  } = {},
) => {
  const look = toolOf({ name: "look", effect: "read", execute: () => "an account" });
  const tools = [handOffTool(specialist, { ...TO, name: "to_banker", ...options }), look];
  const model = recordingModel(({ messages }) =>
    JSON.stringify(messages.at(-1)).includes("stay")
      ? { text: "I stay." }
      : {
          toolCalls: [...calls, "to_banker"].map((name) => ({
            name,
            input: { message: "a matter of money" },
          })),
        },
  );
  return { model, agent: agentOf({ model, tools, ...more }) };
};

const start = async (agent: AgentDefinition, options: Partial<TestRuntimeOptions> = {}) => {
  const test = await createTestRuntime({ agents: [agent], ...options });
  const session = await test.runtime.createSession(agent, { tenant: "acme" });
  return { test, session, run: await session.send("help me") };
};

describe("a session that is handed over", () => {
  it("goes on with the other agent, which sees the whole conversation, and answers the run", async () => {
    const model = banker();
    const { test, session, run } = await start(deskOf(specialistOf(model)).agent);
    const outcome = await within(test, run.outcome(), 10_000);
    expect(outcome).toMatchObject({ status: "completed", text: "I am the banker.", turns: 2 });
    const [request] = model.requests;
    expect(request?.system).toBe("You are the banker.");
    expect(JSON.stringify(request?.messages)).toContain("help me");
    expect(JSON.stringify(request?.messages)).toContain("handed over to banker");
    const journal = await journalOf(test, session.id);
    expect(headersOf(journal, "run.handed-off")).toMatchObject([
      { runId: run.id, agent: "banker", history: "full" },
    ]);
    await test.close();
  });

  it("belongs to that agent from then on, also in another process", async () => {
    const model = banker();
    const { agent } = deskOf(specialistOf(model));
    const { test, session, run } = await start(agent);
    await within(test, run.outcome(), 10_000);
    const next = await test.restart();
    const again = await (await next.runtime.getSession(session.id)).send("and now?");
    expect(await within(next, again.outcome(), 10_000)).toMatchObject({ text: "I am the banker.", turns: 1 });
    expect(model.requests).toHaveLength(2);
    await next.close();
  });

  it("is told what to do, and nothing of what was said, where that is wanted", async () => {
    const model = banker();
    const { test, session, run } = await start(
      deskOf(specialistOf(model), { options: { history: "message" } }).agent,
    );
    await within(test, run.outcome(), 10_000);
    expect(JSON.stringify(model.requests[0]?.messages)).not.toContain("help me");
    expect(model.requests[0]?.messages).toMatchObject([
      { role: "user", content: [{ type: "text", text: "a matter of money" }] },
    ]);
    const next = await test.restart();
    const again = await (await next.runtime.getSession(session.id)).send("and now?");
    await within(next, again.outcome(), 10_000);
    expect(JSON.stringify(model.requests[1]?.messages)).not.toContain("help me");
    expect(JSON.stringify(model.requests[1]?.messages)).toContain("and now?");
    await next.close();
  });

  it("E3 has everything else of the turn done first, and goes to one agent", async () => {
    const model = banker();
    const { agent } = deskOf(specialistOf(model), { calls: ["to_banker", "look"] });
    const { test, session, run } = await start(agent);
    await within(test, run.outcome(), 10_000);
    const journal = await journalOf(test, session.id);
    expect(headersOf(journal, "run.handed-off")).toHaveLength(1);
    expect(headersOf(journal, "tool-call.failed")).toMatchObject([{ code: "TOOL_NOT_RUN" }]);
    const types = typesOf(journal);
    expect(types.indexOf("tool-call.started")).toBeLessThan(types.indexOf("run.handed-off"));
    expect(headersOf(journal, "tool-call.completed").map(({ by }) => by)).toEqual(["execution", "hand-off"]);
    await test.close();
  });

  it("E4 waits for approval; what is rejected is not handed over", async () => {
    const model = banker();
    const { agent } = deskOf(specialistOf(model), { options: { needsApproval: true } });
    const { test, session, run } = await start(agent);
    expect(await within(test, run.outcome(), 10_000)).toMatchObject({ status: "suspended" });
    const [asked] = await session.pending();
    if (asked?.kind !== "approval") throw new TypeError("nothing was asked");
    await session.decide(asked.approvalId, { verdict: "reject", message: "stay" });
    expect(await within(test, run.outcome(), 10_000)).toMatchObject({ text: "I stay." });
    expect(model.requests).toEqual([]);
    await test.close();
  });

  it("E4 is not handed over on an approval that ran out while its rule was being asked again", async () => {
    const model = banker();
    const late = Promise.withResolvers<void>();
    let isLate = false;
    const needsApproval = async () => {
      if (isLate) await late.promise;
      return { timeoutMs: 60_000 };
    };
    const { agent } = deskOf(specialistOf(model), { options: { needsApproval } });
    const { test, session, run } = await start(agent);
    await within(test, run.outcome(), 10_000);
    const [asked] = await session.pending();
    if (asked?.kind !== "approval") throw new TypeError("nothing was asked");
    await test.advanceTime(40_000);
    isLate = true;
    await session.decide(asked.approvalId, { verdict: "approve" });
    await test.advanceTime(25_000);
    isLate = false;
    late.resolve();
    await test.advanceTime(1_000);
    const journal = await journalOf(test, session.id);
    expect(headersOf(journal, "approval.voided")).toMatchObject([{ reason: "expired" }]);
    expect(headersOf(journal, "run.handed-off")).toEqual([]);
    expect(model.requests).toEqual([]);
    await test.close();
  });

  it("is handed to the caller instead, where that is wanted", async () => {
    const model = banker();
    const { test, session, run } = await start(
      deskOf(specialistOf(model), { options: { by: "caller" } }).agent,
    );
    expect(await within(test, run.outcome(), 10_000)).toMatchObject({ status: "suspended" });
    const [pending] = await session.pending();
    await session.submitResult(pending?.callId ?? "", { output: "stay" });
    expect(await within(test, run.outcome(), 10_000)).toMatchObject({ text: "I stay." });
    expect(model.requests).toEqual([]);
    await test.close();
  });

  it("E6 keeps the limits that the run began with", async () => {
    const look = toolOf({ name: "look", effect: "read", execute: () => "more" });
    const model = recordingModel(({ index }) => ({ toolCalls: [{ name: "look", input: { index } }] }));
    const endless = specialistOf(model, { tools: [look], limits: { maxTurns: 100 } });
    const { test, run } = await start(deskOf(endless, { more: { limits: { maxTurns: 4 } } }).agent);
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({
      status: "failed",
      failure: { code: "RUN_MAX_TURNS" },
    });
    expect(model.requests).toHaveLength(3);
    await test.close();
  });

  it("E6 keeps the time that the run has", async () => {
    const patient = specialistOf(recordingModel([{ hang: true }]), { limits: { maxDurationMs: 3_600_000 } });
    const { test, run } = await start(deskOf(patient, { more: { limits: { maxDurationMs: 10_000 } } }).agent);
    expect(await within(test, run.outcome(), 20_000)).toMatchObject({
      status: "failed",
      failure: { code: "RUN_TIMEOUT" },
    });
    await test.close();
  });

  it("E8 keeps what the run may cost, by the prices of the other agent's model", async () => {
    const prices = {
      "scripted/scripted": { inputPerMTok: 1, outputPerMTok: 1 },
      "bank/bank": { inputPerMTok: 1, outputPerMTok: 100 },
    };
    const look = toolOf({ name: "look", effect: "read", execute: () => "more" });
    // It writes no more than it is asked for, as providers do.
    const model: RecordingModel = recordingModel(
      ({ index }) => ({
        toolCalls: [{ name: "look", input: { index } }],
        usage: {
          inputTokens: 100,
          outputTokens: Math.min(900, model.requests.at(-1)?.settings.maxOutputTokens ?? 900),
        },
      }),
      {
        provider: "bank",
        modelId: "bank",
      },
    );
    const dear = specialistOf(model, { tools: [look], settings: { maxOutputTokens: 1_000 } });
    const { agent } = deskOf(dear, { more: { limits: { maxCostUsd: 0.35 } } });
    const { test, run } = await start(agent, { prices });
    const outcome = await within(test, run.outcome(), 60_000);
    expect(outcome).toMatchObject({ status: "failed", failure: { code: "BUDGET_EXCEEDED" } });
    expect(outcome.status === "failed" && outcome.costUsd).toBeLessThanOrEqual(0.35);
    expect(outcome.status === "failed" && outcome.costUsd).toBeGreaterThan(0.2);
    await test.close();
  });

  it("E8 is not handed over to a model whose price nobody knows, where the run has a limit in money", async () => {
    const prices = { "scripted/scripted": { inputPerMTok: 1, outputPerMTok: 1 } };
    const model = banker();
    const desk = deskOf(specialistOf(model), { more: { limits: { maxCostUsd: 1, maxTurns: 2 } } });
    const { test, run } = await start(desk.agent, { prices });
    await within(test, run.outcome(), 60_000);
    expect(JSON.stringify(desk.model.requests[1]?.messages)).toContain("PRICE_UNKNOWN");
    expect(model.requests).toEqual([]);
    await test.close();
  });

  it("E5 leaves nothing in the conversation when it is rolled back, and stays handed over", async () => {
    const entered = Promise.withResolvers<void>();
    const model = recordingModel(({ messages }) =>
      JSON.stringify(messages).includes("again")
        ? { text: "I am the banker." }
        : { toolCalls: [{ name: "hang", input: {} }] },
    );
    const hang = toolOf({
      name: "hang",
      effect: "read",
      execute: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          entered.resolve();
          signal.addEventListener("abort", () => reject(new Error("aborted")));
        }),
    });
    const { agent } = deskOf(specialistOf(model, { tools: [hang] }), { options: { history: "message" } });
    const { test, session, run } = await start(agent);
    await test.advanceTime(10);
    await entered.promise;
    await run.cancel({ mode: "rollback" });
    expect(await within(test, run.outcome(), 10_000)).toMatchObject({ status: "cancelled" });
    const again = await session.send("again");
    expect(await within(test, again.outcome(), 10_000)).toMatchObject({ text: "I am the banker." });
    expect(model.requests.at(-1)?.messages).toMatchObject([{ role: "user", content: [{ text: "again" }] }]);
    await test.close();
  });

  it("is refused where the other agent is not there, or answers in another form", async () => {
    const lost = agentOf({ model: banker(), tools: [handOffTool("nobody", TO)] });
    await expect(createTestRuntime({ agents: [lost] })).rejects.toThrow(/names agent "nobody"/);
    const formal = defineAgent({
      name: "formal",
      instructions: "Fill it in.",
      model: banker(),
      output: z.object({ sum: z.number() }),
    });
    const desk = agentOf({ model: banker(), tools: [handOffTool(formal, TO)] });
    await expect(createTestRuntime({ agents: [desk] })).rejects.toThrow(/answers in another form/);
  });

  it.each(deathsUpTo(6))(
    "J1 E1 is handed over once, though its process dies $moment write $write",
    async (death) => {
      const model = banker();
      const { agent } = deskOf(specialistOf(model), { calls: ["look"] });
      const ask = async (runtime: Awaited<ReturnType<typeof start>>["test"]["runtime"]) => {
        const session = await runtime.createSession(agent, { key: "one" });
        return { session, run: await session.send("help me", { idempotencyKey: "go" }) };
      };
      const test = await throughDeaths({ agent, livesMs: 70_000 }, [death], async ({ runtime }) => {
        await ask(runtime);
      });
      const { session, run } = await ask(test.runtime);
      expect(await within(test, run.outcome(), 60_000)).toMatchObject({ text: "I am the banker." });
      const journal = await journalOf(test, session.id);
      expect(headersOf(journal, "run.handed-off")).toHaveLength(1);
      await test.close();
    },
  );

  it("S6 is left to processes that have the agent it was handed over to", async () => {
    const { agent } = deskOf(specialistOf(banker()));
    const { test, session, run } = await start(agent);
    await within(test, run.outcome(), 10_000);
    const without = agentOf({ model: scriptedModel(() => ({ text: "I am the desk." })) });
    const lines: string[] = [];
    const say = (message: string): void => void lines.push(message);
    const logger = { debug: say, info: say, warn: say, error: say };
    const next = await test.restart({ agents: [without], logger });
    const again = await (await next.runtime.getSession(session.id)).send("and now?");
    await next.advanceTime(2_000);
    expect(lines.join()).toContain('handed over to agent "banker"');
    expect(typesOf(await journalOf(next, session.id)).at(-1)).toBe("run.completed");
    const last = await next.restart({ agents: [agent] });
    const found = await last.runtime.getRun(again.id);
    expect(await within(last, found.outcome(), 60_000)).toMatchObject({ text: "I am the banker." });
    await last.close();
  });
});
