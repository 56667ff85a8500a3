import { describe, expect, it } from "vitest";
import { ModelCallError, ToolError } from "../core/errors.ts";
import { createTestRuntime, type TestRuntimeOptions } from "../testing/index.ts";
import {
  agentOf,
  headersOf,
  journalOf,
  recordingModel,
  toolOf,
  within,
} from "../testing/scenario.fixture.ts";
import type { AgentDefinition } from "./index.ts";

const start = async (agent: AgentDefinition, options: Partial<TestRuntimeOptions> = {}) => {
  const test = await createTestRuntime({ agents: [agent], ...options });
  const idleTimers = test.clock.pendingTimers;
  const session = await test.runtime.createSession(agent);
  const run = await session.send("go");
  await test.clock.settle();
  return { test, session, run, idleTimers };
};

const useTool = { toolCalls: [{ name: "act", input: {} }] };

describe("a tool that fails", () => {
  it.each(["read", "idempotent"] as const)(
    "E7 is tried again when %s, with the same key, each attempt journaled",
    async (effect) => {
      const keys: string[] = [];
      const attempts: number[] = [];
      const act = toolOf({
        name: "act",
        effect,
        retry: { maxAttempts: 3, initialDelayMs: 100 },
        execute: (_, { attempt, idempotencyKey }) => {
          keys.push(idempotencyKey);
          attempts.push(attempt);
          if (attempt < 3) throw new TypeError("not yet");
          return "done";
        },
      });
      const { test, session, run } = await start(
        agentOf({ model: recordingModel([useTool, { text: "ok" }]), tools: [act] }),
      );
      expect(await within(test, run.outcome(), 5_000)).toMatchObject({ status: "completed", retries: 2 });
      expect(attempts).toEqual([1, 2, 3]);
      expect(new Set(keys).size).toBe(1);
      const events = await journalOf(test, session.id);
      expect(headersOf(events, "tool-call.started").map((header) => header.attempt)).toEqual([1, 2, 3]);
      expect(headersOf(events, "tool-call.failed").map((header) => header.next.kind)).toEqual([
        "retry",
        "retry",
      ]);
    },
  );

  it("E7 gives up after its last attempt and tells the model why", async () => {
    const act = toolOf({
      name: "act",
      effect: "read",
      retry: { maxAttempts: 2, initialDelayMs: 10 },
      execute: () => {
        throw new TypeError("no such table: orders");
      },
    });
    const model = recordingModel([useTool, { text: "sorry" }]);
    const { test, run } = await start(agentOf({ model, tools: [act] }));
    await within(test, run.outcome(), 5_000);
    expect(JSON.stringify(model.requests.at(-1)?.messages)).toContain("TOOL_FAILED: no such table: orders");
  });

  it("E7 E2 a write is tried again only when it says that nothing happened", async () => {
    let calls = 0;
    const act = toolOf({
      name: "act",
      effect: "write",
      retry: { maxAttempts: 3, initialDelayMs: 10 },
      execute: () => {
        calls += 1;
        if (calls === 1) throw new ToolError("connection refused", { executed: false });
        throw new TypeError("connection reset");
      },
    });
    const { test, run } = await start(agentOf({ model: recordingModel([useTool]), tools: [act] }));
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({ status: "suspended" });
    expect(calls).toBe(2);
  });

  it("E7 E2 is believed also when its error comes from a second copy of the package", async () => {
    let calls = 0;
    const theirs = Object.assign(new TypeError("refused"), {
      [Symbol.for("holdfast.error")]: true,
      executed: false,
      retryAfterMs: 50,
      failure: { code: "TOOL_FAILED", message: "refused", retryable: true },
    });
    const act = toolOf({
      name: "act",
      effect: "write",
      retry: { maxAttempts: 2, initialDelayMs: 10 },
      execute: () => {
        calls += 1;
        if (calls === 1) throw theirs;
        return "ok";
      },
    });
    const { test, run } = await start(
      agentOf({ model: recordingModel([useTool, { text: "ok" }]), tools: [act] }),
    );
    expect(await within(test, run.outcome(), 5_000)).toMatchObject({ status: "completed" });
  });

  it("E7 is not tried again when it says that this is of no use", async () => {
    let calls = 0;
    const act = toolOf({
      name: "act",
      effect: "read",
      retry: { maxAttempts: 5 },
      execute: () => {
        calls += 1;
        throw new ToolError("no such order", { retryable: false });
      },
    });
    const { test, run } = await start(
      agentOf({ model: recordingModel([useTool, { text: "ok" }]), tools: [act] }),
    );
    await within(test, run.outcome(), 60_000);
    expect(calls).toBe(1);
  });

  it("E7 is never tried again before the time its server asked for", async () => {
    const times: number[] = [];
    const act = toolOf({
      name: "act",
      effect: "read",
      retry: { maxAttempts: 2, initialDelayMs: 10 },
      execute: () => {
        times.push(test.clock.now());
        if (times.length === 1) throw new ToolError("busy", { retryAfterMs: 3_000 });
        return "ok";
      },
    });
    const agent = agentOf({ model: recordingModel([useTool, { text: "ok" }]), tools: [act] });
    const test = await createTestRuntime({ agents: [agent] });
    const run = await (await test.runtime.createSession(agent)).send("go");
    await within(test, run.outcome(), 5_000);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(3_000);
  });

  it("E7 takes the idempotency key its author makes from the input, in every attempt", async () => {
    const keys: string[] = [];
    const act = toolOf({
      name: "act",
      effect: "idempotent",
      retry: { maxAttempts: 2, initialDelayMs: 10 },
      idempotencyKey: ({ order }) => `refund-${JSON.stringify(order)}`,
      execute: (_, { idempotencyKey }) => {
        keys.push(idempotencyKey);
        if (keys.length === 1) throw new TypeError("again");
        return "ok";
      },
    });
    const { test, session, run } = await start(
      agentOf({
        model: recordingModel([{ toolCalls: [{ name: "act", input: { order: 42 } }] }, { text: "ok" }]),
        tools: [act],
      }),
    );
    await within(test, run.outcome(), 5_000);
    expect(keys).toEqual(["refund-42", "refund-42"]);
    const started = headersOf(await journalOf(test, session.id), "tool-call.started");
    expect(started.map((header) => header.idempotencyKey)).toEqual(keys);
  });
});

describe("a long wait between attempts", () => {
  it("E7 S3 is a suspension: lease released, no timer held, and the time ends it", async () => {
    const model = recordingModel([
      { fail: { code: "MODEL_RATE_LIMITED", retryAfterMs: 600_000 } },
      { text: "at last" },
    ]);
    const { test, session, run, idleTimers } = await start(agentOf({ model }));

    const loaded = await test.store.load(session.id);
    expect(loaded?.lease).toBeNull();
    const [suspended] = headersOf(await journalOf(test, session.id), "run.suspended");
    const until = test.clock.now() + 600_000;
    expect(suspended?.waitingFor).toEqual([{ kind: "retry", until }]);
    expect(test.clock.pendingTimers).toBe(idleTimers);

    await test.advanceTime(590_000);
    expect(model.requests).toHaveLength(1);
    expect(await within(test, run.outcome(), 12_000)).toMatchObject({ status: "completed", text: "at last" });
    expect(headersOf(await journalOf(test, session.id), "run.resumed")).toMatchObject([{ by: "time" }]);
  });

  it("E7 S3 is gone on with by another process after a restart", async () => {
    const model = recordingModel(({ index }) =>
      index === 0 ? { fail: { code: "MODEL_RATE_LIMITED", retryAfterMs: 600_000 } } : { text: "at last" },
    );
    const { test, run } = await start(agentOf({ model }));
    const next = await test.restart();
    const again = await next.runtime.getRun(run.id);
    expect(await within(next, again.outcome(), 602_000)).toMatchObject({ text: "at last" });
  });
});

describe("a model call that fails", () => {
  it("E7 is tried again, then the next model, in order, then given up", async () => {
    const down = () => ({ fail: { code: "MODEL_UNAVAILABLE" } }) as const;
    const first = recordingModel(down, { provider: "one" });
    const second = recordingModel(down, { provider: "two" });
    const { test, session, run } = await start(agentOf({ model: [first, second] }), {
      modelRetry: { maxAttempts: 2, initialDelayMs: 10 },
    });
    expect(await within(test, run.outcome(), 10_000)).toMatchObject({
      status: "failed",
      failure: { code: "MODEL_UNAVAILABLE" },
      retries: 3,
      turns: 1,
    });
    expect([first.requests.length, second.requests.length]).toEqual([2, 2]);
    const started = headersOf(await journalOf(test, session.id), "model-call.started");
    expect(started.map(({ provider, attempt }) => `${provider} ${attempt}`)).toEqual([
      "one 1",
      "one 2",
      "two 1",
      "two 2",
    ]);
  });

  it("E7 stays with the model that answered", async () => {
    const first = recordingModel(() => ({ fail: { code: "MODEL_UNAUTHORIZED" } }), { provider: "one" });
    const second = recordingModel(
      ({ toolResults }) => (toolResults.length > 0 ? { text: "done" } : useTool),
      { provider: "two" },
    );
    const act = toolOf({ name: "act", effect: "read", execute: () => 1 });
    const { test, run } = await start(agentOf({ model: [first, second], tools: [act] }));
    expect(await within(test, run.outcome(), 5_000)).toMatchObject({ status: "completed" });
    expect([first.requests.length, second.requests.length]).toEqual([1, 2]);
  });

  it.each(["MODEL_REFUSED", "MODEL_UNAUTHORIZED", "MODEL_REQUEST_REJECTED"] as const)(
    "E7 is not tried again when it is %s",
    async (code) => {
      const model = recordingModel(() => ({ fail: new ModelCallError(code, "no") }));
      const { test, run } = await start(agentOf({ model }));
      expect(await within(test, run.outcome(), 60_000)).toMatchObject({
        status: "failed",
        failure: { code },
      });
      expect(model.requests).toHaveLength(1);
    },
  );

  it("E7 leaves out older turns when the context overflows, and goes on", async () => {
    const model = recordingModel(({ messages, lastUserText }) =>
      lastUserText === "short" || messages.length < 6
        ? { text: "ok" }
        : { fail: { code: "MODEL_CONTEXT_OVERFLOW" } },
    );
    const agent = agentOf({ model });
    const test = await createTestRuntime({ agents: [agent] });
    const session = await test.runtime.createSession(agent);
    for (let turn = 0; turn < 4; turn += 1)
      await within(test, (await session.send("short")).outcome(), 5_000);
    const outcome = await within(test, (await session.send("long")).outcome(), 5_000);

    expect(outcome).toMatchObject({ status: "completed", text: "ok" });
    expect(headersOf(await journalOf(test, session.id), "context.compacted").length).toBeGreaterThan(0);
    const last = model.requests.at(-1)?.messages;
    expect(last?.length).toBeLessThan(6);
    expect(JSON.stringify(last?.at(-1))).toContain("long");
  });

  it("E7 fails typed when nothing is left to leave out", async () => {
    const model = recordingModel(() => ({ fail: { code: "MODEL_CONTEXT_OVERFLOW" } }));
    const { test, run } = await start(agentOf({ model }));
    expect(await within(test, run.outcome(), 60_000)).toMatchObject({
      status: "failed",
      failure: { code: "MODEL_CONTEXT_OVERFLOW", retryable: false },
    });
    expect(model.requests.length).toBeLessThanOrEqual(2);
  });
});
