import { AsyncLocalStorage } from "node:async_hooks";
import {
  context,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  type Context,
  type ContextManager,
} from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
  type ReadableSpan,
} from "@opentelemetry/sdk-trace";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { openTelemetry } from "../telemetry/index.ts";
import { createTestRuntime, scriptedModel, type ScriptedStep, type TestRuntime } from "../testing/index.ts";
import { defineAgent, defineTool, type AgentDefinition, type SessionEvent } from "./index.ts";

const recorder = () => {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  return { telemetry: openTelemetry({ tracer: provider.getTracer("test") }), exporter };
};

const look = (execute: () => unknown) =>
  defineTool()({ name: "look_up", description: "looks", inputSchema: z.object({}), effect: "read", execute });

const CALL: ScriptedStep = { toolCalls: [{ name: "look_up", input: {} }] };

const agentWith = (tool: ReturnType<typeof look>): AgentDefinition =>
  defineAgent({
    name: "clerk",
    instructions: "work",
    tools: [tool],
    model: scriptedModel(({ toolResults }) => (toolResults.length > 0 ? { text: "done" } : CALL), {
      modelId: "model-1",
      provider: "maker",
    }),
  });

/** What an SDK for Node registers. */
const contextManager = (): ContextManager => {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, work, self, ...args) => storage.run(active, () => work.apply(self, args)),
    bind: (_active, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  return manager;
};

const named = (spans: readonly ReadableSpan[], name: string): readonly ReadableSpan[] =>
  spans.filter((span) => span.name === name);

const tracesOf = (spans: readonly ReadableSpan[]): ReadonlySet<string> =>
  new Set(spans.map((span) => span.spanContext().traceId));

const journaledTrace = async (test: TestRuntime, sessionId: string): Promise<string | null> => {
  const session = await test.runtime.getSession(sessionId);
  const events: SessionEvent[] = await Array.fromAsync(session.history());
  const started = events.find((event) => event.kind === "event" && event.type === "run.started");
  return started?.kind === "event" && started.type === "run.started" ? started.header.trace : null;
};

describe("OpenTelemetry (O1)", () => {
  it("records run, model calls and tool call in one trace, under the run", async () => {
    const { telemetry, exporter } = recorder();
    const agent = agentWith(look(() => 42));
    const test = await createTestRuntime({ agents: [agent], telemetry });
    const { sessionId, run } = await test.runtime.run(agent, "go");
    await test.close();
    const spans = exporter.getFinishedSpans();
    expect(spans.map(({ name }) => name).toSorted()).toEqual([
      "chat model-1",
      "chat model-1",
      "execute_tool look_up",
      "invoke_agent clerk",
    ]);
    expect(tracesOf(spans).size).toBe(1);
    const [root] = named(spans, "invoke_agent clerk");
    expect(root?.parentSpanContext).toBeUndefined();
    for (const span of spans) {
      if (span !== root) expect(span.parentSpanContext?.spanId).toBe(root?.spanContext().spanId);
      expect(span.attributes).toMatchObject({
        "gen_ai.agent.name": "clerk",
        "gen_ai.conversation.id": sessionId,
      });
    }
    expect(root?.attributes).toMatchObject({
      "gen_ai.operation.name": "invoke_agent",
      "holdfast.run.id": run.id,
    });
  });

  it("names attributes by the GenAI conventions", async () => {
    const { telemetry, exporter } = recorder();
    const agent = agentWith(look(() => 42));
    const test = await createTestRuntime({ agents: [agent], telemetry });
    await test.runtime.run(agent, "go");
    await test.close();
    const spans = exporter.getFinishedSpans();
    expect(named(spans, "chat model-1")[0]?.attributes).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "maker",
      "gen_ai.request.model": "model-1",
      "gen_ai.usage.input_tokens": expect.any(Number),
      "gen_ai.usage.output_tokens": expect.any(Number),
    });
    expect(named(spans, "execute_tool look_up")[0]?.attributes).toMatchObject({
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "look_up",
      "gen_ai.tool.call.id": expect.stringMatching(/^call_/),
    });
  });

  it("says which failure a span ended with", async () => {
    const { telemetry, exporter } = recorder();
    const agent = defineAgent({
      name: "clerk",
      instructions: "work",
      model: scriptedModel([{ fail: { code: "MODEL_REQUEST_REJECTED" } }]),
    });
    const test = await createTestRuntime({ agents: [agent], telemetry });
    const session = await test.runtime.createSession(agent);
    await (await session.send("go")).outcome();
    await test.close();
    for (const span of exporter.getFinishedSpans()) {
      expect(span.attributes["error.type"]).toBe("MODEL_REQUEST_REJECTED");
      expect(span.status.code).toBe(SpanStatusCode.ERROR);
    }
    expect(exporter.getFinishedSpans()).toHaveLength(2);
  });

  it("goes on in the same trace after a crash, under the journaled span", async () => {
    const before = recorder();
    const after = recorder();
    const entered = Promise.withResolvers<void>();
    const agent = agentWith(
      look(() => {
        entered.resolve();
        return new Promise(() => undefined);
      }),
    );
    const first = await createTestRuntime({ agents: [agent], telemetry: before.telemetry });
    const session = await first.runtime.createSession(agent);
    const run = await session.send("go");
    await entered.promise;
    const second = await first.restart({ agents: [agentWith(look(() => 42))], telemetry: after.telemetry });
    await second.advanceTime(60_000);
    const outcome = await (await second.runtime.getRun(run.id)).outcome();
    expect(outcome.status).toBe("completed");
    const journaled = await journaledTrace(second, session.id);
    await second.close();
    const spans = [...before.exporter.getFinishedSpans(), ...after.exporter.getFinishedSpans()];
    expect(tracesOf(spans)).toEqual(new Set([journaled?.split("-")[1]]));
    const [resumed] = named(after.exporter.getFinishedSpans(), "invoke_agent clerk");
    expect(resumed?.parentSpanContext?.spanId).toBe(journaled?.split("-")[2]);
    expect(named(after.exporter.getFinishedSpans(), "execute_tool look_up")).toHaveLength(1);
  });

  it("leaves no span open when a run is suspended", async () => {
    const { telemetry, exporter } = recorder();
    const agent = defineAgent({
      name: "clerk",
      instructions: "work",
      tools: [
        defineTool()({
          name: "pay",
          description: "pays",
          inputSchema: z.object({}),
          effect: "write",
          execute: () => Promise.reject(new TypeError("the line went dead")),
        }),
      ],
      model: scriptedModel([{ toolCalls: [{ name: "pay", input: {} }] }]),
    });
    const test = await createTestRuntime({ agents: [agent], telemetry });
    const session = await test.runtime.createSession(agent);
    expect((await (await session.send("go")).outcome()).status).toBe("suspended");
    expect(named(exporter.getFinishedSpans(), "invoke_agent clerk")).toHaveLength(1);
    await test.close();
  });

  it("makes the tool's span the active one while the tool runs", async () => {
    context.setGlobalContextManager(contextManager());
    try {
      const { telemetry, exporter } = recorder();
      const seen: (string | undefined)[] = [];
      const agent = agentWith(
        look(async () => {
          await Promise.resolve();
          seen.push(trace.getSpan(context.active())?.spanContext().spanId);
        }),
      );
      const test = await createTestRuntime({ agents: [agent], telemetry });
      await test.runtime.run(agent, "go");
      await test.close();
      const [tool] = named(exporter.getFinishedSpans(), "execute_tool look_up");
      expect(seen).toEqual([tool?.spanContext().spanId]);
    } finally {
      context.disable();
    }
  });

  it("records nothing, and breaks nothing, where no SDK is set up", async () => {
    const agent = agentWith(look(() => 42));
    const test = await createTestRuntime({ agents: [agent], telemetry: openTelemetry() });
    const { output, sessionId } = await test.runtime.run(agent, "go");
    expect(output).toBe("done");
    expect(await journaledTrace(test, sessionId)).toBeNull();
    await test.close();
  });
});
