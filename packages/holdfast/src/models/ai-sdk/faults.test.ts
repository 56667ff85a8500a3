import { describe, expect, it, vi } from "vitest";
import type { FailureCode } from "../../core/failure.ts";
import { createManualClock } from "../../testing/manual-clock.ts";
import { createModelServer, type RefusalReason, type WireFault } from "../../testing/wire/index.ts";
import type { ModelDelta } from "../../ports/model.ts";
import {
  collectDeltas,
  failureOf,
  requestOf,
  tool,
  user,
  WIRE_NAMES,
  wireModel,
} from "./fixtures/wire-models.ts";

const REFUSALS: readonly (readonly [RefusalReason, FailureCode, boolean])[] = [
  ["bad-key", "MODEL_UNAUTHORIZED", false],
  ["unknown-model", "MODEL_REQUEST_REJECTED", false],
  ["rate-limit", "MODEL_RATE_LIMITED", true],
  ["quota", "MODEL_RATE_LIMITED", false],
  ["context-overflow", "MODEL_CONTEXT_OVERFLOW", true],
  ["bad-request", "MODEL_REQUEST_REJECTED", false],
  ["server-error", "MODEL_UNAVAILABLE", true],
  ["unavailable", "MODEL_UNAVAILABLE", true],
  ["overloaded", "MODEL_UNAVAILABLE", true],
];

const STEP = { text: "Let me look.", toolCalls: [{ name: "clock", input: { city: "Bern" } }] };

const callWith = async (name: (typeof WIRE_NAMES)[number], fault: WireFault) => {
  const server = await createModelServer({ script: [{ ...STEP, fault }] });
  const call = wireModel(name, server.url).call(requestOf([user("Go")], { tools: [tool("clock")] }));
  return { server, error: await failureOf(call) };
};

describe.each(WIRE_NAMES)("a failing %s", (name) => {
  it.each(REFUSALS)("types %s as %s (M3)", async (reason, code, retryable) => {
    const { server, error } = await callWith(name, { kind: "refuse", reason });
    await using _ = server;
    expect({ code: error.code, retryable: error.failure.retryable }).toEqual({ code, retryable });
    expect(error.failure.details).toMatchObject({
      provider: expect.any(String) as string,
      requestId: "req_test",
    });
  });

  it("reads how long to wait, in milliseconds, seconds or as a date (E7)", async () => {
    const waits: (readonly [Record<string, string>, number])[] = [
      [{ "retry-after": "7" }, 7_000],
      [{ "retry-after-ms": "1500", "retry-after": "9" }, 1_500],
      [{ date: "Thu, 01 Jan 2026 00:00:00 GMT", "retry-after": "Thu, 01 Jan 2026 00:01:30 GMT" }, 90_000],
    ];
    for (const [headers, waitMs] of waits) {
      const { server, error } = await callWith(name, { kind: "refuse", reason: "rate-limit", headers });
      await server.close();
      expect(error.retryAfterMs).toBe(waitMs);
    }
  });

  it.each([408, 409, 529])("treats status %i as worth another attempt", async (status) => {
    const { server, error } = await callWith(name, { kind: "refuse", reason: "server-error", status });
    await using _ = server;
    expect(error.code).toBe("MODEL_UNAVAILABLE");
    expect(error.failure.retryable).toBe(true);
  });

  it("calls a chunk that is not JSON an invalid response", async () => {
    const { server, error } = await callWith(name, { kind: "malformed-chunk" });
    await using _ = server;
    expect(error.code).toBe("MODEL_RESPONSE_INVALID");
    expect(error.failure.retryable).toBe(true);
  });

  it.each(["overloaded", "rate-limit", "server-error"] as const)(
    "types an error event about %s in the stream, at its start and in its middle",
    async (reason) => {
      for (const afterFrames of [1, 4]) {
        const { server, error } = await callWith(name, { kind: "error-event", reason, afterFrames });
        await server.close();
        expect(error.code).toBe(reason === "rate-limit" ? "MODEL_RATE_LIMITED" : "MODEL_UNAVAILABLE");
        expect(error.failure.retryable).toBe(true);
      }
    },
  );

  it.each(["end", "close"] as const)("rejects an answer cut inside the arguments by %s (E9)", async (how) => {
    const { server, error } = await callWith(name, { kind: "cut", how });
    await using _ = server;
    expect(error.code).toBe("MODEL_STREAM_CUT");
    expect(error.failure.retryable).toBe(true);
  });

  it.each([undefined, 3])(
    "settles at once when it is cancelled while the server hangs (M4)",
    async (afterFrames) => {
      const fault: WireFault = { kind: "hang", ...(afterFrames === undefined ? {} : { afterFrames }) };
      await using server = await createModelServer({ script: [{ ...STEP, fault }] });
      const abort = new AbortController();
      const { deltas, onDelta } = collectDeltas();
      const call = wireModel(name, server.url).call(
        requestOf([user("Go")], { signal: abort.signal, onDelta }),
      );
      await vi.waitUntil(() => server.requests.length > 0, { interval: 1 });
      abort.abort();
      expect((await failureOf(call)).code).toBe("MODEL_CALL_CANCELLED");
      const before = deltas.length;
      await server.close();
      expect(deltas.length).toBe(before);
    },
  );

  it("does not call at all when it is cancelled before", async () => {
    await using server = await createModelServer({ script: [STEP] });
    const call = wireModel(name, server.url).call(requestOf([user("Go")], { signal: AbortSignal.abort() }));
    expect((await failureOf(call)).code).toBe("MODEL_CALL_CANCELLED");
    expect(server.requests).toHaveLength(0);
  });

  it("types a server that cannot be reached", async () => {
    const server = await createModelServer({ script: [STEP] });
    const { url } = server;
    await server.close();
    const refused = await failureOf(wireModel(name, url).call(requestOf([user("Go")])));
    expect(refused.code).toBe("MODEL_UNAVAILABLE");
    const lost = await failureOf(
      wireModel(name, "http://no-such-host.invalid").call(requestOf([user("Go")])),
    );
    expect(lost.code).toBe("MODEL_UNAVAILABLE");
    expect(lost.failure.retryable).toBe(true);
  });

  it("never repeats a key, in whatever words the provider echoes it (O2)", async () => {
    const apiKey = "sk-live-1234567890abcdef";
    await using server = await createModelServer({ script: [], apiKey: "another" });
    const settings = { headers: { "x-tenant-token": "tenant-secret-value" } };
    const error = await failureOf(
      wireModel(name, server.url, apiKey).call(requestOf([user("Go")], { settings })),
    );
    const shown = [error.message, error.hint, JSON.stringify(error.failure), String(error.cause)].join(" ");
    expect(error.code).toBe("MODEL_UNAUTHORIZED");
    expect(shown).not.toContain(apiKey);
    expect(shown).not.toContain("tenant-secret-value");
    expect(shown).not.toContain("sk-wrong");
  });

  it("shows signs of life while a server is slow", async () => {
    const clock = createManualClock();
    await using server = await createModelServer({
      clock,
      script: [{ text: "Slow words.", deltas: 3, firstTokenDelayMs: 1_000, gapMs: 500 }],
    });
    const deltas: ModelDelta[] = [];
    const call = wireModel(name, server.url).call(
      requestOf([user("Go")], { onDelta: (delta) => void deltas.push(delta) }),
    );
    let isDone = false;
    const done = call.finally(() => (isDone = true));
    while (!isDone) {
      await vi.waitUntil(() => isDone || clock.pendingTimers > 0, { interval: 1 });
      await clock.advance(500);
    }
    await done;
    expect(deltas.some((delta) => delta.type === "ping")).toBe(true);
    expect(deltas.filter((delta) => delta.type === "text").length).toBe(3);
  });

  it("passes on why an answer ended", async () => {
    for (const finish of ["length", "content-filter"] as const) {
      await using server = await createModelServer({ script: [{ text: "Once upon", finish }] });
      expect((await wireModel(name, server.url).call(requestOf([user("Go")]))).finish).toBe(finish);
    }
  });

  it("reports no usage rather than none used when the provider is silent (E8)", async () => {
    await using server = await createModelServer({ script: [{ text: "ok", usage: null }] });
    const answer = await wireModel(name, server.url).call(requestOf([user("Go")]));
    expect(answer.usage).toBeNull();
  });
});
