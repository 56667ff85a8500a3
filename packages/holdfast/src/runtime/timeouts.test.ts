import { describe, expect, it } from "vitest";
import type { EventType } from "../core/event.ts";
import { createManualClock, createTestRuntime, type TestRuntimeOptions } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  makeDoor,
  recordingModel,
  toolOf,
  within,
} from "../testing/scenario.fixture.ts";
import { defineTool, type AgentDefinition } from "./index.ts";

const LIMITS = { firstTokenMs: 1_000, gapMs: 2_000, totalMs: 10_000 };
const never = (): Promise<never> => makeDoor().opened.then(() => never());

const start = async (agent: AgentDefinition, options: Partial<TestRuntimeOptions> = {}) => {
  const test = await createTestRuntime({
    agents: [agent],
    modelTimeouts: LIMITS,
    modelRetry: { maxAttempts: 1 },
    ...options,
  });
  const session = await test.runtime.createSession(agent);
  const run = await session.send("go");
  const codes = async <Type extends EventType>(type: Type) =>
    headersOf(await journalOf(test, session.id), type).map((header) => ("code" in header ? header.code : ""));
  return { test, session, run, codes };
};

const useTool = { toolCalls: [{ name: "hang", input: {} }] };

describe("a model call that takes too long", () => {
  it("E6 ends with its own code before the first token", async () => {
    const { test, run } = await start(agentOf({ model: recordingModel([{ hang: true }]) }));
    await test.advanceTime(999);
    expect((await test.runtime.listSessions()).sessions[0]?.status).toBe("running");
    await test.advanceTime(1);
    expect(await run.outcome()).toMatchObject({
      status: "failed",
      failure: { code: "MODEL_FIRST_TOKEN_TIMEOUT", retryable: true },
    });
  });

  it("E6 ends with its own code when it stops in the middle", async () => {
    const model = {
      provider: "p",
      modelId: "m",
      call: async (request: { onDelta: (delta: { type: "text"; text: string }) => void }) => {
        request.onDelta({ type: "text", text: "I was going to" });
        return never();
      },
    };
    const { test, run } = await start(agentOf({ model }));
    const outcome = await within(test, run.outcome(), 2_100);
    expect(outcome).toMatchObject({ failure: { code: "MODEL_GAP_TIMEOUT" }, estimatedCalls: 1 });
  });

  it("E6 a sign of life without content restarts the wait between pieces, not the whole", async () => {
    const model = {
      provider: "p",
      modelId: "m",
      call: async (request: {
        onDelta: (delta: { type: "text"; text: string } | { type: "ping" }) => void;
      }) => {
        request.onDelta({ type: "text", text: "I" });
        const ping = (): void => {
          clock.startTimer(1_500, () => {
            request.onDelta({ type: "ping" });
            ping();
          });
        };
        ping();
        return never();
      },
    };
    const { test, run } = await start(agentOf({ model }));
    const { clock } = test;
    await test.advanceTime(9_900);
    expect((await test.runtime.listSessions()).sessions[0]?.status).toBe("running");
    expect(await within(test, run.outcome(), 200)).toMatchObject({ failure: { code: "MODEL_TIMEOUT" } });
  });

  it("E6 ends with its own code in all, however lively it is", async () => {
    const clock = createManualClock();
    const text = "word ".repeat(100);
    const model = recordingModel([{ text, deltas: 100, gapMs: 1_000 }], { clock });
    const { test, run } = await start(agentOf({ model }));
    // The script waits by a clock of its own, which goes along.
    const outcome = run.outcome();
    for (let second = 0; second < 11; second += 1) {
      await clock.advance(1_000);
      await test.advanceTime(1_000);
    }
    expect(await outcome).toMatchObject({ failure: { code: "MODEL_TIMEOUT" } });
  });

  it("E6 S5 does not wait for a model that ignores its signal, and shows nothing of what it still sends", async () => {
    const say: ((text: string) => void)[] = [];
    const model = {
      provider: "p",
      modelId: "m",
      call: async (request: { onDelta: (delta: { type: "text"; text: string }) => void }) => {
        say.push((text) => request.onDelta({ type: "text", text }));
        return never();
      },
    };
    const { test, run } = await start(agentOf({ model }), {
      modelRetry: { maxAttempts: 2, initialDelayMs: 10 },
    });
    await test.advanceTime(1_100);
    say[1]?.("Hello");
    say[0]?.("from beyond");
    // Whoever comes now gets the attempt in progress, from its beginning.
    const shown: string[] = [];
    const reading = (async () => {
      for await (const event of run.events()) if (event.kind === "delta") shown.push(event.text);
    })();
    await test.clock.settle();
    say[1]?.(" world");
    expect((await within(test, run.outcome(), 5_000)).status).toBe("failed");
    await reading;
    expect(shown).toEqual(["Hello", " world"]);
  });
});

describe("a tool that takes too long", () => {
  it("E6 is stopped by its own limit though it ignores its signal", async () => {
    const hang = toolOf({ name: "hang", effect: "read", timeoutMs: 3_000, execute: never });
    const model = recordingModel([useTool, { text: "gave up" }]);
    const { test, run, codes } = await start(agentOf({ model, tools: [hang] }));
    expect(await within(test, run.outcome(), 3_500)).toMatchObject({ status: "completed", text: "gave up" });
    expect(await codes("tool-call.failed")).toEqual(["TOOL_TIMEOUT"]);
    expect(JSON.stringify(model.requests.at(-1)?.messages)).toContain("TOOL_TIMEOUT");
  });

  it("E6 is stopped in `verify` too, and a person is asked in the end", async () => {
    const hang = toolOf({ name: "hang", effect: "write", timeoutMs: 1_000, execute: never, verify: never });
    const model = recordingModel([useTool]);
    const { test, run, codes } = await start(agentOf({ model, tools: [hang] }));
    const outcome = await within(test, run.outcome(), 300_000);
    expect(outcome).toMatchObject({ status: "suspended", waitingFor: [{ kind: "resolution" }] });
    expect(new Set(await codes("tool-call.unknown"))).toEqual(new Set(["TOOL_TIMEOUT"]));
  });

  it("E6 is stopped while its input is still being checked", async () => {
    const schema = {
      "~standard": {
        version: 1,
        vendor: "slow",
        validate: never,
        jsonSchema: { input: () => ({ type: "object" }), output: () => ({ type: "object" }) },
      },
    } as const;
    const entered: string[] = [];
    const hang = defineTool()({
      name: "hang",
      description: "never checks",
      inputSchema: schema,
      effect: "write",
      execute: () => entered.push("in"),
    });
    const model = recordingModel([useTool, { text: "ok" }]);
    const { test, run, codes } = await start(agentOf({ model, tools: [hang] }));
    expect(await within(test, run.outcome(), 31_000)).toMatchObject({ status: "completed" });
    expect(await codes("tool-call.failed")).toEqual(["TOOL_INPUT_INVALID"]);
    expect(entered).toEqual([]);
  });
});

describe("a run that takes too long", () => {
  it("E6 ends with its own code, and what is in flight is stopped", async () => {
    let reason: unknown;
    const hang = toolOf({
      name: "hang",
      effect: "read",
      timeoutMs: 600_000,
      execute: (_, { signal }) => {
        signal.addEventListener("abort", () => {
          reason = signal.reason;
        });
        return never();
      },
    });
    const model = recordingModel([useTool, { text: "never" }]);
    const agent = agentOf({ model, tools: [hang], limits: { maxDurationMs: 5_000 } });
    const { test, run } = await start(agent);
    expect(await within(test, run.outcome(), 5_500)).toMatchObject({
      status: "failed",
      failure: { code: "RUN_TIMEOUT", retryable: false },
    });
    expect(String(reason)).toContain("time limit");
    expect(model.requests).toHaveLength(1);
  });

  it("E6 does not count the time it was suspended", async () => {
    const model = recordingModel([
      { fail: { code: "MODEL_RATE_LIMITED", retryAfterMs: 60_000 } },
      { text: "made it" },
    ]);
    const agent = agentOf({ model, limits: { maxDurationMs: 5_000 } });
    const { test, run } = await start(agent, { modelRetry: { maxAttempts: 2 } });
    expect(await within(test, run.outcome(), 70_000)).toMatchObject({ status: "completed", text: "made it" });
  });

  it("E6 instructions that never come fail the run, and the next one is worked", async () => {
    let isSlow = true;
    const model = recordingModel([{ text: "hello" }]);
    const agent = agentOf({ model, instructions: () => (isSlow ? never() : "Work.") });
    const { test, session, run } = await start(agent);
    expect(await within(test, run.outcome(), 31_000)).toMatchObject({
      status: "failed",
      failure: { code: "DEFINITION_INVALID" },
    });
    isSlow = false;
    expect(await within(test, (await session.send("again")).outcome(), 1_000)).toMatchObject({
      text: "hello",
    });
  });

  it("E6 an output schema that never answers counts as an answer that does not fit", async () => {
    const schema = {
      "~standard": {
        version: 1,
        vendor: "slow",
        validate: never,
        jsonSchema: { input: () => ({ type: "object" }), output: () => ({ type: "object" }) },
      },
    } as const;
    const { defineAgent } = await import("./index.ts");
    const agent = defineAgent({
      name: "clerk",
      instructions: "",
      model: recordingModel(() => ({ text: "{}" })),
      output: schema,
    });
    const { test, run } = await start(agent as AgentDefinition<unknown> as AgentDefinition);
    expect(await within(test, run.outcome(), 100_000)).toMatchObject({ failure: { code: "OUTPUT_INVALID" } });
  });
});
