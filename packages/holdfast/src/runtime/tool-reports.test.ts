import { describe, expect, it } from "vitest";
import type { CircuitDelivery, RunDelivery } from "../core/delivery.ts";
import { HoldfastError, ToolError } from "../core/errors.ts";
import type { ToolEffect } from "../core/run-settings.ts";
import { scriptedModel } from "../models/index.ts";
import { createTestRuntime, type TestRuntime } from "../testing/create-test-runtime.ts";
import { agentOf, keepingLogger, toolOf, within } from "../testing/scenario.fixture.ts";
import { createRuntime, type AgentDefinition, type CircuitOptions } from "./index.ts";

const CIRCUIT: CircuitOptions = {
  name: "bank",
  minFailures: 2,
  windowMs: 60_000,
  openMs: 10_000,
  maxOpenMs: 40_000,
};
const DONE_NOTHING = { executed: false, retryable: true } as const;

/** An agent with one tool that fails so often, and what is told of it. */
const worldOf = (
  effect: ToolEffect,
  { failures, maxAttempts }: { failures: number; maxAttempts: number },
) => {
  const told: RunDelivery[] = [];
  let calls = 0;
  const pay = toolOf({
    name: "pay",
    effect,
    retry: { maxAttempts, initialDelayMs: 1_000 },
    execute: () => {
      calls += 1;
      if (calls <= failures) throw new ToolError("The bank is away.", DONE_NOTHING);
      return "paid";
    },
  });
  const model = scriptedModel(({ toolResults }) =>
    toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "pay" }] },
  );
  return { told, agent: agentOf({ model, tools: [pay] }), hook: (one: RunDelivery) => void told.push(one) };
};

const runIn = async (test: TestRuntime, agent: AgentDefinition, runtime = test.runtime): Promise<string> => {
  const session = await runtime.createSession(agent, { tenant: "acme", user: "u" });
  await within(test, (await session.send("go")).outcome(), 60_000);
  await test.advanceTime(1_000);
  return session.id;
};

describe("O3 of tools", () => {
  it("a write that failed in each of its attempts is told, with its tool and why", async () => {
    const { agent, hook, told } = worldOf("write", { failures: 9, maxAttempts: 3 });
    const test = await createTestRuntime({ agents: [agent], onRetriesSpent: hook });
    const sessionId = await runIn(test, agent);
    expect(told).toMatchObject([
      {
        type: "tool-call.failed",
        sessionId,
        tenant: "acme",
        agent: agent.name,
        failure: { code: "TOOL_FAILED", message: "The bank is away." },
        call: { callId: expect.any(String), tool: "pay", attempts: 3 },
        waitingFor: [],
      },
    ]);
    await test.close();
  });

  it.each([
    ["that worked in the end", "write", { failures: 2, maxAttempts: 3 }],
    ["that has one attempt only", "write", { failures: 9, maxAttempts: 1 }],
    ["that only reads", "read", { failures: 9, maxAttempts: 3 }],
  ] as const)("nothing is told of a call %s", async (_, effect, how) => {
    const { agent, hook, told } = worldOf(effect, how);
    const test = await createTestRuntime({ agents: [agent], onRetriesSpent: hook });
    await runIn(test, agent);
    expect(told).toEqual([]);
    await test.close();
  });

  it("of a call with a fallback each tool is told of by its own attempts", async () => {
    const told: RunDelivery[] = [];
    const failing = (name: string, maxAttempts: number, fallback?: string) =>
      toolOf({
        name,
        effect: "write",
        retry: { maxAttempts, initialDelayMs: 1_000 },
        ...(fallback === undefined ? {} : { fallback: { tool: fallback } }),
        execute: () => {
          throw new ToolError(`${name} is away.`, { executed: false, retryable: name === "pay" });
        },
      });
    const model = scriptedModel(({ toolResults }) =>
      toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "pay" }] },
    );
    const agent = agentOf({ model, tools: [failing("pay", 3, "wire"), failing("wire", 2)] });
    const test = await createTestRuntime({ agents: [agent], onRetriesSpent: (one) => void told.push(one) });
    await runIn(test, agent);
    // The other tool has failed at its first attempt, and for good.
    expect(told.map(({ call, failure }) => [call?.tool, call?.attempts, failure?.message])).toEqual([
      ["pay", 3, "pay is away."],
    ]);
    await test.close();
  });

  /** A bank that works or does not, behind a circuit, and what is told of it. */
  const bankOf = () => {
    const bank = { works: false };
    const told: CircuitDelivery[] = [];
    const ask = toolOf({
      name: "ask",
      effect: "read",
      retry: { maxAttempts: 1 },
      circuit: CIRCUIT,
      execute: () => {
        if (bank.works) return "42";
        throw new HoldfastError("TOOL_FAILED", "The bank is away.");
      },
    });
    const model = scriptedModel(({ toolResults }) =>
      toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "ask" }] },
    );
    const agentNamed = (name: string): AgentDefinition => agentOf({ name, model, tools: [ask] });
    return { bank, told, agentNamed, hook: (one: CircuitDelivery) => void told.push(one) };
  };

  it("what keeps failing is told when it is not called any more, and when it is again, and once each", async () => {
    const { bank, told, agentNamed, hook } = bankOf();
    const agent = agentNamed("clerk");
    const test = await createTestRuntime({ agents: [agent], onCircuit: hook, logger: keepingLogger() });
    await runIn(test, agent);
    expect(told).toEqual([]);
    await runIn(test, agent);
    const opened = {
      type: "circuit.opened",
      isEscalation: false,
      circuit: { name: "bank", code: "TOOL_FAILED" },
    };
    expect(told).toMatchObject([opened]);
    expect(told[0]?.circuit.until).toBeGreaterThan(told[0]?.at ?? 0);
    await test.advanceTime(10_000);
    // The probe fails, and it opens again: that is known.
    await runIn(test, agent);
    expect(told).toHaveLength(1);
    bank.works = true;
    await test.advanceTime(40_000);
    await runIn(test, agent);
    expect(told).toMatchObject([
      opened,
      { type: "circuit.closed", circuit: { name: "bank", code: null, until: null } },
    ]);
    expect(new Set(told.map(({ id }) => id)).size).toBe(2);
    await test.close();
  });

  it("two processes that find it out at the same time tell it once", async () => {
    const { told, agentNamed, hook } = bankOf();
    const [here, there] = [agentNamed("here"), agentNamed("there")];
    const test = await createTestRuntime({ agents: [here], onCircuit: hook });
    const beside = await createRuntime({
      agents: [there],
      store: test.store.attach(),
      clock: test.clock,
      onCircuit: hook,
    });
    await test.clock.settle();
    await Promise.all([runIn(test, here), runIn(test, there, beside)]);
    await Promise.all([runIn(test, here), runIn(test, there, beside)]);
    await test.advanceTime(10_000);
    expect(told.map(({ type }) => type)).toEqual(["circuit.opened"]);
    await beside.close();
    await test.close();
  });

  it("what nobody takes of a circuit is escalated, and is a dead letter in the end", async () => {
    const { agentNamed, told, hook } = bankOf();
    const agent = agentNamed("clerk");
    const deaf = {
      name: "deaf",
      retry: { maxAttempts: 2, initialDelayMs: 1_000 },
      escalate: { to: "on-call" },
      handle: () => {
        throw new HoldfastError("DELIVERY_FAILED", "not now", { retryable: true });
      },
    };
    const onCall = { name: "on-call", handle: (one: unknown) => hook(one as CircuitDelivery) };
    const test = await createTestRuntime({
      agents: [agent],
      onCircuit: deaf,
      onEscalation: onCall,
      logger: keepingLogger(),
    });
    await runIn(test, agent);
    await runIn(test, agent);
    await test.advanceTime(60_000);
    expect(told).toMatchObject([{ type: "circuit.opened", isEscalation: true, circuit: { name: "bank" } }]);
    const { deadLetters } = await test.runtime.deadLetters.list();
    expect(deadLetters).toMatchObject([
      { recipient: "deaf", type: "circuit.opened", circuit: { name: "bank" }, attempts: 2 },
    ]);
    await test.close();
  });
});
