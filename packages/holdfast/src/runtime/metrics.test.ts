/** What OpenTelemetry reads of a runtime: what tools hold, whose turn it is, what is held back. */
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import type { ToolResource } from "../ports/tool-resource.ts";
import { openTelemetry } from "../telemetry/index.ts";
import { createTestRuntime, scriptedModel, type TestRuntime } from "../testing/index.ts";
import { ToolError } from "../core/errors.ts";
import { defineAgent, defineTool } from "./index.ts";

/** Reads when it is told to. */
class Reader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}

  /** `name{attributes}` and value of every number there is now. */
  async read(): Promise<Readonly<Record<string, number>>> {
    const { resourceMetrics } = await this.collect();
    const found = resourceMetrics.scopeMetrics
      .flatMap(({ metrics }) => metrics)
      .flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(
          ({ attributes, value }) =>
            [`${descriptor.name} ${Object.values(attributes).join(" ")}`.trim(), value as number] as const,
        ),
      );
    return Object.fromEntries(found);
  }
}

const metered = () => {
  const reader = new Reader();
  const provider = new MeterProvider({ readers: [reader] });
  onTestFinished(() => provider.shutdown());
  return { reader, telemetry: openTelemetry({ meter: provider.getMeter("test") }) };
};

const poolOf = (held: ToolResource["held"]): ToolResource => ({
  name: "pool",
  held,
  rest: async () => undefined,
  close: async () => undefined,
});

const agentWith = (tool: ReturnType<typeof toolWith>) =>
  defineAgent({
    name: "clerk",
    instructions: "work",
    tools: [tool],
    model: scriptedModel(({ toolResults }) =>
      toolResults.length > 0 ? { text: "done" } : { toolCalls: [{ name: "ask" }] },
    ),
  });

const toolWith = (execute: () => Promise<unknown>, resource?: ToolResource) =>
  defineTool()({
    name: "ask",
    description: "asks",
    inputSchema: z.object({}),
    effect: "read",
    limits: { name: "crm", maxConcurrent: 1 },
    circuit: { name: "crm", minFailures: 2 },
    retry: { maxAttempts: 1 },
    ...(resource !== undefined && { resource }),
    execute,
  });

describe("numbers of a runtime", () => {
  it("O1 tell of sessions in work, calls under way and waiting, and of what tools hold, until it is closed", async () => {
    const { reader, telemetry } = metered();
    const door = Promise.withResolvers<void>();
    const held: string[] = [];
    const tool = toolWith(
      () => door.promise,
      poolOf(() => {
        held.push("asked");
        return { sockets: 3, processes: 0 };
      }),
    );
    const agent = agentWith(tool);
    const test = await createTestRuntime({ agents: [agent], telemetry });
    const runs = await Promise.all([1, 2, 3].map(() => start(test, agent)));
    await expect
      .poll(async () => (await reader.read())["holdfast.tool.calls.waiting crm"], { interval: 5 })
      .toBe(2);
    expect(await reader.read()).toEqual({
      "holdfast.sessions.active": 3,
      "holdfast.tool.resources.held pool sockets": 3,
      "holdfast.tool.resources.held pool processes": 0,
      "holdfast.tool.calls.under_way crm": 1,
      "holdfast.tool.calls.waiting crm": 2,
    });
    door.resolve();
    await Promise.all(runs.map((run) => run.outcome()));
    expect(await reader.read()).toMatchObject({
      "holdfast.tool.calls.under_way crm": 0,
      "holdfast.tool.calls.waiting crm": 0,
    });
    await test.close();
    const asked = held.length;
    await reader.read();
    expect(held.length).toBe(asked);
  });

  it("E7 tell of circuits that are not closed", async () => {
    const { reader, telemetry } = metered();
    const agent = agentWith(
      toolWith(async () => {
        throw new ToolError("It is down.");
      }),
    );
    const test = await createTestRuntime({ agents: [agent], telemetry });
    onTestFinished(() => test.close());
    for (const run of [await start(test, agent), await start(test, agent)]) await run.outcome();
    expect(await reader.read()).toMatchObject({ "holdfast.circuits.open crm open": 1 });
  });

  it("are those of the others where a resource cannot say what it holds", async () => {
    const { reader, telemetry } = metered();
    const broken = poolOf(() => {
      throw new TypeError("no idea");
    });
    const agent = agentWith(toolWith(async () => "done", broken));
    const test = await createTestRuntime({ agents: [agent], telemetry });
    onTestFinished(() => test.close());
    expect(await reader.read()).toEqual({ "holdfast.sessions.active": 0 });
  });
});

const start = async (test: TestRuntime, agent: ReturnType<typeof agentWith>) =>
  (await test.runtime.createSession(agent)).send("go");
