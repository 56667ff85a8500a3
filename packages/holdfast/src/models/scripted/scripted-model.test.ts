import { describe, expect, it } from "vitest";
import { ModelCallError } from "../../core/errors.ts";
import type { Message } from "../../core/message.ts";
import type { ModelDelta, ModelRequest } from "../../ports/model.ts";
import { createManualClock } from "../../testing/manual-clock.ts";
import { scriptedModel } from "./scripted-model.ts";

const user = (text: string): Message => ({ role: "user", content: [{ type: "text", text }] });

const requestOf = (over: Partial<ModelRequest> = {}): ModelRequest => ({
  system: "1234",
  messages: [user("12345678")],
  tools: [],
  settings: {},
  output: null,
  readBlob: async () => new Uint8Array(),
  signal: new AbortController().signal,
  onDelta: () => undefined,
  ...over,
});

describe("a scripted model", () => {
  it("plays a list step by step, and says when it is over", async () => {
    const model = scriptedModel([{ text: "one" }, { toolCalls: [{ name: "clock" }] }]);
    expect(await model.call(requestOf())).toMatchObject({ content: [{ text: "one" }], finish: "stop" });
    expect(await model.call(requestOf())).toMatchObject({
      content: [{ toolName: "clock", input: {} }],
      finish: "tool-calls",
    });
    await expect(model.call(requestOf())).rejects.toMatchObject({ code: "MODEL_REQUEST_REJECTED" });
  });

  it("computes a step from the conversation", async () => {
    const model = scriptedModel(({ index, lastUserText, toolResults, tools, system }) => ({
      text: [index, lastUserText, toolResults.length, tools.join(), system].join("|"),
    }));
    const results = [
      { callId: "call_1_0", toolName: "clock", output: { type: "text", value: "noon" } },
    ] as const;
    const tools = [{ name: "clock", description: "", inputSchema: {} }];
    const answer = await model.call(requestOf({ messages: [user("hi"), { role: "tool", results }], tools }));
    expect(answer.content).toEqual([{ type: "text", text: "0|hi|1|clock|1234" }]);
  });

  it("streams in pieces and counts what it used", async () => {
    const deltas: ModelDelta[] = [];
    const model = scriptedModel([
      { reasoning: "abcd", text: "12345678", toolCalls: [{ name: "f", input: "raw" }], deltas: 2 },
    ]);
    const answer = await model.call(requestOf({ onDelta: (delta) => void deltas.push(delta) }));
    expect(deltas.map((delta) => (delta.type === "ping" ? "" : delta.text))).toEqual([
      "ab",
      "cd",
      "1234",
      "5678",
      "raw",
    ]);
    expect(answer.usage).toEqual({
      inputTokens: 3,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: 4,
      reasoningTokens: 1,
    });
  });

  it("reports the usage it is told, or none", async () => {
    const model = scriptedModel([{ usage: { inputTokens: 99 } }, { usage: null }]);
    expect((await model.call(requestOf())).usage?.inputTokens).toBe(99);
    expect((await model.call(requestOf())).usage).toBeNull();
  });

  it("fails as told, at once or after some characters (E9)", async () => {
    const deltas: ModelDelta[] = [];
    const own = new ModelCallError("MODEL_UNAUTHORIZED", "no");
    const model = scriptedModel([
      { fail: { code: "MODEL_RATE_LIMITED", retryAfterMs: 5 } },
      { fail: own },
      { text: "12345678", cutAfterChars: 3, deltas: 4 },
      { text: "12345678", cutAfterChars: 5, fail: { code: "MODEL_UNAVAILABLE" } },
    ]);
    const call = async () => await model.call(requestOf({ onDelta: (delta) => void deltas.push(delta) }));
    await expect(call()).rejects.toMatchObject({ code: "MODEL_RATE_LIMITED", retryAfterMs: 5 });
    await expect(call()).rejects.toBe(own);
    await expect(call()).rejects.toMatchObject({ code: "MODEL_STREAM_CUT" });
    await expect(call()).rejects.toMatchObject({ code: "MODEL_UNAVAILABLE" });
    expect(deltas).toEqual(["12", "3", "12345"].map((text) => ({ type: "text", text })));
  });

  it("waits by the clock it is given, and only then", async () => {
    const clock = createManualClock();
    const step = { text: "ab", deltas: 2, firstTokenDelayMs: 1_000, gapMs: 200 };
    const deltas: ModelDelta[] = [];
    const call = scriptedModel([step], { clock }).call(
      requestOf({ onDelta: (delta) => void deltas.push(delta) }),
    );
    await clock.advance(999);
    expect(deltas).toHaveLength(0);
    await clock.advance(1);
    expect(deltas).toHaveLength(1);
    await clock.advance(200);
    expect((await call).finish).toBe("stop");
    await expect(scriptedModel([step]).call(requestOf())).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });

  it("settles when it is cancelled, hanging or waiting, and leaves no timer (M4)", async () => {
    const clock = createManualClock();
    for (const step of [{ hang: true }, { text: "a", firstTokenDelayMs: 5 }]) {
      const abort = new AbortController();
      const call = scriptedModel([step], { clock }).call(requestOf({ signal: abort.signal }));
      abort.abort();
      await expect(call).rejects.toMatchObject({ code: "MODEL_CALL_CANCELLED" });
    }
    expect(clock.pendingTimers).toBe(0);
    await expect(scriptedModel([{}]).call(requestOf({ signal: AbortSignal.abort() }))).rejects.toMatchObject({
      code: "MODEL_CALL_CANCELLED",
    });
  });
});
