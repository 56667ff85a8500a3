import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { FinishReason } from "../core/event.ts";
import type { JsonValue } from "../core/json.ts";
import type { Message } from "../core/message.ts";
import { createTestRuntime, type ScriptedStep } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  makeDoor,
  recordingModel,
  type RecordingModel,
  toolOf,
  within,
} from "../testing/scenario.fixture.ts";
import { defineTool, type AgentDefinition } from "./index.ts";

const start = async (agent: AgentDefinition) => {
  const test = await createTestRuntime({ agents: [agent] });
  const session = await test.runtime.createSession(agent);
  return { test, session, run: await session.send("go") };
};

const resultsIn = (messages: readonly Message[] | undefined): string =>
  JSON.stringify(messages?.findLast((message) => message.role === "tool"));

const strict = (entered: unknown[]) =>
  defineTool()({
    name: "refund",
    description: "refunds",
    inputSchema: z.object({ orderId: z.string(), cents: z.int().positive() }),
    effect: "write",
    execute: (input) => {
      entered.push(input);
      return "refunded";
    },
  });

/** Plays one answer with calls, then says what it was told. */
const once = (step: ScriptedStep): RecordingModel =>
  recordingModel(({ toolResults }) => (toolResults.length > 0 ? { text: "ok" } : step));

const told = async (model: RecordingModel, entered: unknown[]): Promise<string> => {
  const { test, run } = await start(agentOf({ model, tools: [strict(entered)] }));
  expect((await within(test, run.outcome(), 5_000)).status).toBe("completed");
  return resultsIn(model.requests.at(-1)?.messages);
};

describe("a call that cannot be run", () => {
  it("E3 names the tools there are when the tool does not exist", async () => {
    const entered: unknown[] = [];
    const result = await told(once({ toolCalls: [{ name: "reefund" }] }), entered);
    expect(result).toContain("TOOL_UNKNOWN");
    expect(result).toContain("refund");
    expect(entered).toEqual([]);
  });

  it("E3 says what is wrong with each argument", async () => {
    const entered: unknown[] = [];
    const result = await told(once({ toolCalls: [{ name: "refund", input: { cents: -1 } }] }), entered);
    expect(result).toContain("TOOL_INPUT_INVALID");
    expect(result).toContain("orderId: ");
    expect(result).toContain("cents: ");
    expect(entered).toEqual([]);
  });

  it("E3 E9 says so when the arguments are not JSON, and sends back a call that providers accept", async () => {
    const entered: unknown[] = [];
    const model = once({ toolCalls: [{ name: "refund", input: '{"orderId": "4' }] });
    expect(await told(model, entered)).toContain("TOOL_INPUT_INVALID");
    const answer = model.requests.at(-1)?.messages.find((message) => message.role === "assistant");
    expect(answer?.content[0]).toMatchObject({ type: "tool-call", input: {} });
    expect(entered).toEqual([]);
  });

  it.each(["length", "content-filter", "other"] satisfies readonly FinishReason[])(
    "E9 E3 does not run from an answer that ended with %s, though its arguments are whole",
    async (finish) => {
      const entered: unknown[] = [];
      const call = { name: "refund", input: { orderId: "1", cents: 5 } };
      expect(await told(once({ toolCalls: [call, call], finish }), entered)).toContain("TOOL_NOT_RUN");
      expect(entered).toEqual([]);
    },
  );

  it.each<[string, JsonValue]>([
    ["deep", Array.from({ length: 80 }).reduce<JsonValue>((inner) => ({ inner }), "leaf")],
    ["large", Array.from({ length: 250_000 }, () => 1)],
  ])(
    "E9 does not run with a part of its arguments when they are too %s to be journaled",
    async (_, extra) => {
      const entered: unknown[] = [];
      const good = { orderId: "a", cents: 1 };
      const calls = [
        { name: "refund", input: { ...good, extra } },
        { name: "refund", input: good },
      ];
      const results = await told(once({ toolCalls: calls }), entered);
      expect(entered).toEqual([good]);
      expect(results).toContain("TOOL_INPUT_INVALID");
    },
  );

  it("E9 does not run from a stream that was cut", async () => {
    const entered: unknown[] = [];
    const model = recordingModel(({ index, toolResults }) => {
      if (toolResults.length > 0) return { text: "ok" };
      const step = { toolCalls: [{ name: "refund", input: { orderId: "1", cents: 5 } }] };
      return index === 0 ? { ...step, cutAfterChars: 12 } : step;
    });
    await told(model, entered);
    expect(entered).toHaveLength(1);
  });

  it("E3 good and bad calls of one turn each get their own result, in the order of the calls", async () => {
    const entered: unknown[] = [];
    const good = { name: "refund", input: { orderId: "1", cents: 5 } };
    const model = once({ toolCalls: [{ name: "nope" }, good, { name: "refund" }, good] });
    const result = await told(model, entered);
    expect(entered).toHaveLength(2);
    const order = ["TOOL_UNKNOWN", "refunded", "TOOL_INPUT_INVALID", "refunded"];
    expect(result).toMatch(new RegExp(order.join(".*")));
  });

  it("E3 provider ids that repeat or are empty do not mix results up", async () => {
    const seen: unknown[] = [];
    const echo = toolOf({
      name: "echo",
      effect: "read",
      execute: ({ n }) => seen.push(n) && `n=${JSON.stringify(n)}`,
    });
    const calls = [1, 2].map((n) => ({ name: "echo", id: "", input: { n } }));
    const model = once({ toolCalls: calls });
    const { test, run } = await start(agentOf({ model, tools: [echo] }));
    await within(test, run.outcome(), 5_000);
    expect(resultsIn(model.requests.at(-1)?.messages)).toMatch(/n=1.*n=2/);
  });
});

describe("calls of one turn", () => {
  it("E3 run at once, up to the limit, and all end before the model is called again", async () => {
    const doors = Array.from({ length: 5 }, makeDoor);
    let inFlight = 0;
    let most = 0;
    const wait = toolOf({
      name: "wait",
      effect: "read",
      execute: async ({ n }) => {
        inFlight += 1;
        most = Math.max(most, inFlight);
        await doors[Number(n)]?.opened;
        inFlight -= 1;
        return n;
      },
    });
    const model = once({ toolCalls: doors.map((_, n) => ({ name: "wait", input: { n } })) });
    const { test, run } = await start(agentOf({ model, tools: [wait], limits: { maxParallelToolCalls: 2 } }));
    for (const door of doors.toReversed()) {
      await test.clock.settle();
      expect(model.requests).toHaveLength(1);
      door.open();
    }
    expect((await within(test, run.outcome(), 1_000)).status).toBe("completed");
    expect(most).toBe(2);
    expect(model.requests).toHaveLength(2);
  });

  it("E1 E3 what was settled is the same in the prompt of a process that reads it from the journal", async () => {
    const order: string[] = [];
    const door = makeDoor();
    const act = toolOf({
      name: "act",
      effect: "read",
      execute: async ({ n }) => {
        // The first call ends last.
        if (n === 0) await door.opened;
        order.push(JSON.stringify(n));
        return `result ${JSON.stringify(n)}`;
      },
    });
    const model = recordingModel(({ messages, lastUserText }) => {
      if (lastUserText === "again") return { text: "bye" };
      const turns = messages.filter((message) => message.role === "assistant").length;
      const calls = [0, 1, 2].map((n) => ({ name: "act", input: { n } }));
      return turns < 2 ? { toolCalls: calls } : { text: "done" };
    });
    const agent = agentOf({ model, tools: [act] });
    const { test, session, run } = await start(agent);
    await test.clock.settle();
    door.open();
    await within(test, run.outcome(), 1_000);
    expect(order.slice(0, 3)).toEqual(["1", "2", "0"]);
    const live = model.requests.at(-1)?.messages ?? [];

    const next = await test.restart();
    const again = await (await next.runtime.getSession(session.id)).send("again");
    await within(next, again.outcome(), 1_000);
    expect(model.requests.at(-1)?.messages.slice(0, live.length)).toEqual(live);
  });
});

describe("a tool that a new deploy no longer has", () => {
  it("E3 S6 suspends the run until a process has it again", async () => {
    const act = toolOf({ name: "act", effect: "read", execute: () => "acted" });
    const model = () =>
      recordingModel(({ toolResults }) =>
        toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "act" }] },
      );
    const hang = toolOf({ name: "act", effect: "read", execute: () => makeDoor().opened });
    const { test, session, run } = await start(agentOf({ model: model(), tools: [hang] }));
    await test.clock.settle();

    const without = await test.restart({ agents: [agentOf({ model: model(), tools: [] })] });
    const waiting = await without.runtime.getRun(run.id);
    expect(await within(without, waiting.outcome(), 60_000)).toMatchObject({
      status: "suspended",
      waitingFor: [{ kind: "definition", name: "act" }],
    });
    await without.advanceTime(60_000);

    const back = await without.restart({ agents: [agentOf({ model: model(), tools: [act] })] });
    const again = await back.runtime.getRun(run.id);
    expect(await within(back, again.outcome(), 60_000)).toMatchObject({ status: "completed", text: "done" });
    expect(headersOf(await journalOf(back, session.id), "run.resumed")).toContainEqual(
      expect.objectContaining({ by: "definition" }),
    );
  });
});
