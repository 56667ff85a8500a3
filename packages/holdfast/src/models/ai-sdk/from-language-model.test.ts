import type {
  LanguageModelV2,
  LanguageModelV2CallOptions,
  LanguageModelV2StreamPart,
  LanguageModelV3,
  LanguageModelV3CallOptions,
  LanguageModelV3StreamPart,
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from "@ai-sdk/provider";
import { describe, expect, it } from "vitest";
import type { Message } from "../../core/message.ts";
import type { ModelAnswer, ModelDelta } from "../../ports/model.ts";
import { collectDeltas, failureOf, requestOf, tool, user } from "./fixtures/wire-models.ts";
import { fromLanguageModel } from "./from-language-model.ts";

const USAGE: LanguageModelV4Usage = {
  inputTokens: { total: 12, noCache: 4, cacheRead: 5, cacheWrite: 3 },
  outputTokens: { total: 9, text: 2, reasoning: 7 },
};
const STOP = { unified: "stop", raw: "stop" } as const;
const FINISH = { type: "finish", finishReason: STOP, usage: USAGE } as const;

const streamOf = <Part>(parts: readonly Part[]): ReadableStream<Part> => ReadableStream.from(parts);

const modelV4 = (
  parts: readonly LanguageModelV4StreamPart[],
  over: Partial<LanguageModelV4> = {},
): LanguageModelV4 => ({
  specificationVersion: "v4",
  provider: "test.v4",
  modelId: "m",
  supportedUrls: {},
  doGenerate: async () => Promise.reject(new Error("not asked for")),
  doStream: async () => ({ stream: streamOf(parts) }),
  ...over,
});

const answerOf = async (parts: readonly LanguageModelV4StreamPart[]): Promise<ModelAnswer> =>
  await fromLanguageModel(modelV4(parts)).call(requestOf([user("Go")]));

describe("an answer put together from a stream", () => {
  it("keeps every kind of part in order, with its metadata (M5)", async () => {
    const answer = await answerOf([
      { type: "stream-start", warnings: [{ type: "other", message: "hm" }] },
      { type: "response-metadata", id: "r1", modelId: "m-1" },
      { type: "reasoning-start", id: "a", providerMetadata: { test: { itemId: "rs_1" } } },
      { type: "reasoning-delta", id: "a", delta: "I th" },
      { type: "text-start", id: "a" },
      { type: "reasoning-delta", id: "a", delta: "ink" },
      { type: "text-delta", id: "a", delta: "So: " },
      { type: "reasoning-end", id: "a", providerMetadata: { test: { encrypted: "xyz" } } },
      { type: "text-delta", id: "a", delta: "this." },
      { type: "text-end", id: "a" },
      { type: "source", sourceType: "url", id: "s1", url: "https://example.com" },
      { type: "file", mediaType: "image/png", data: { type: "data", data: new Uint8Array([1, 2, 3]) } },
      { type: "custom", kind: "test.compaction", providerMetadata: { test: { seal: "q" } } },
      { type: "tool-call", toolCallId: "p1", toolName: "search", input: "{}", providerExecuted: true },
      { type: "tool-result", toolCallId: "p1", toolName: "search", result: [1], preliminary: true },
      { type: "tool-result", toolCallId: "p1", toolName: "search", result: [1, 2] },
      { ...FINISH, providerMetadata: { test: { tier: "fast" } } },
    ]);
    expect(answer.content).toEqual([
      {
        type: "reasoning",
        text: "I think",
        providerMetadata: { test: { itemId: "rs_1", encrypted: "xyz" } },
      },
      { type: "text", text: "So: this." },
      { type: "source", source: { type: "source", sourceType: "url", id: "s1", url: "https://example.com" } },
      { type: "file", mediaType: "image/png", data: { kind: "base64", base64: "AQID" } },
      {
        type: "opaque",
        part: { type: "custom", kind: "test.compaction", providerMetadata: { test: { seal: "q" } } },
      },
      { type: "tool-call", providerCallId: "p1", toolName: "search", input: {}, providerExecuted: true },
      { type: "provider-tool-result", providerCallId: "p1", toolName: "search", result: [1, 2] },
    ]);
    expect(answer.usage).toEqual({
      inputTokens: 12,
      cacheReadTokens: 5,
      cacheWriteTokens: 3,
      outputTokens: 9,
      reasoningTokens: 7,
    });
    expect(answer.metadata).toEqual({
      warnings: [{ type: "other", message: "hm" }],
      responseId: "r1",
      modelId: "m-1",
      finishReason: "stop",
      providerMetadata: { test: { tier: "fast" } },
    });
  });

  it("comes back as it was when it is sent again (M5)", async () => {
    let seen: LanguageModelV4CallOptions | undefined;
    const model = fromLanguageModel(
      modelV4([], {
        doStream: async (options) => {
          seen = options;
          return { stream: streamOf<LanguageModelV4StreamPart>([FINISH]) };
        },
      }),
    );
    const seal = { test: { seal: "q" } };
    const messages: Message[] = [
      user("Go"),
      {
        role: "assistant",
        provider: "test.v4",
        content: [
          { type: "reasoning", text: "", providerMetadata: seal },
          { type: "source", source: { id: "s1" } },
          { type: "opaque", part: { type: "custom", kind: "test.compaction", providerMetadata: seal } },
          { type: "opaque", part: { type: "tool-approval-request", approvalId: "a", toolCallId: "p1" } },
          { type: "tool-call", providerCallId: "p1", toolName: "search", input: "q", providerExecuted: true },
          {
            type: "provider-tool-result",
            providerCallId: "p1",
            toolName: "search",
            result: { n: 1 },
            isError: true,
          },
          { type: "file", mediaType: "image/png", data: { kind: "url", url: "https://example.com/a.png" } },
        ],
      },
    ];
    await model.call(requestOf(messages, { settings: { systemProviderOptions: seal, reasoning: "high" } }));
    expect(seen?.prompt[0]).toEqual({ role: "system", content: "Be brief.", providerOptions: seal });
    expect(seen?.reasoning).toBe("high");
    expect(seen?.prompt[2]).toEqual({
      role: "assistant",
      content: [
        { type: "reasoning", text: "", providerOptions: seal },
        { type: "custom", kind: "test.compaction", providerOptions: seal },
        { type: "tool-call", toolCallId: "p1", toolName: "search", input: "q", providerExecuted: true },
        {
          type: "tool-result",
          toolCallId: "p1",
          toolName: "search",
          output: { type: "error-json", value: { n: 1 } },
        },
        {
          type: "file",
          mediaType: "image/png",
          data: { type: "url", url: new URL("https://example.com/a.png") },
        },
      ],
    });
  });

  it("keeps calls with equal ids apart, and takes one that is said twice once", async () => {
    const call = { type: "tool-call", toolCallId: "x", toolName: "clock", input: '{"a":1}' } as const;
    const answer = await answerOf([call, call, { ...call, input: '{"a":2}' }, FINISH]);
    expect(answer.content.map((part) => (part.type === "tool-call" ? part.input : null))).toEqual([
      { a: 1 },
      { a: 2 },
    ]);
  });

  it("keeps arguments that are not JSON as text, and reads none as an empty object", async () => {
    const call = { type: "tool-call", toolCallId: "x", toolName: "clock" } as const;
    const answer = await answerOf([
      { ...call, input: '{"a":' },
      { ...call, toolCallId: "y", input: " " },
      FINISH,
    ]);
    expect(answer.content.map((part) => (part.type === "tool-call" ? part.input : null))).toEqual([
      '{"a":',
      {},
    ]);
  });

  it("does not read arguments that were never begun as none when the answer ran out of room (E9)", async () => {
    const call = { type: "tool-call", toolCallId: "x", toolName: "clock", input: "" } as const;
    const answer = await answerOf([
      call,
      { ...FINISH, finishReason: { unified: "length", raw: "max_tokens" } },
    ]);
    expect(answer).toMatchObject({ finish: "length", content: [{ input: "" }] });
  });

  it.each([
    ["interrupted", undefined],
    ["error", undefined],
    ["other", undefined],
  ] as const)("is cut when it ends with %s and no reason of the provider's (E9)", async (unified, raw) => {
    const error = await failureOf(answerOf([{ ...FINISH, finishReason: { unified, raw } }]));
    expect(error.code).toBe("MODEL_STREAM_CUT");
  });

  it("is cut when nothing says that it ended (M2)", async () => {
    expect((await failureOf(answerOf([]))).code).toBe("MODEL_STREAM_CUT");
  });

  it("is invalid when the provider gave up on it, or announced a call that never came", async () => {
    const malformed = { unified: "error", raw: "MALFORMED_FUNCTION_CALL" } as const;
    const announced = { unified: "tool-calls", raw: "tool_use" } as const;
    for (const finishReason of [malformed, announced]) {
      expect((await failureOf(answerOf([{ ...FINISH, finishReason }]))).code).toBe("MODEL_RESPONSE_INVALID");
    }
  });

  it("is refused after an error part, whatever follows it (E9)", async () => {
    const error = { type: "error", error: { message: "boom", code: 500 } } as const;
    expect((await failureOf(answerOf([error, FINISH]))).code).toBe("MODEL_UNAVAILABLE");
  });
});

describe("a call", () => {
  it("settles on abort although the model ignores the signal, and says nothing afterwards (M1, M4)", async () => {
    let feed: ReadableStreamDefaultController<LanguageModelV4StreamPart> | undefined;
    const stream = new ReadableStream<LanguageModelV4StreamPart>({
      start: (controller) => void (feed = controller),
    });
    const abort = new AbortController();
    const begun = Promise.withResolvers<void>();
    const deltas: ModelDelta[] = [];
    const model = fromLanguageModel(modelV4([], { doStream: async () => ({ stream }) }));
    const onDelta = (delta: ModelDelta): void => {
      deltas.push(delta);
      begun.resolve();
    };
    const call = model.call(requestOf([user("Go")], { signal: abort.signal, onDelta }));
    feed?.enqueue({ type: "text-delta", id: "1", delta: "before" });
    await begun.promise;
    abort.abort();
    expect((await failureOf(call)).code).toBe("MODEL_CALL_CANCELLED");
    expect(() => feed?.enqueue({ type: "text-delta", id: "1", delta: "after" })).toThrow();
    expect(deltas).toEqual([{ type: "text", text: "before" }]);
  });

  it("shows nothing more once it was stopped from within a delta (M1)", async () => {
    const abort = new AbortController();
    const deltas: ModelDelta[] = [];
    const text = (value: string) => ({ type: "text", text: value }) as const;
    const model = fromLanguageModel(
      modelV4([], {
        doStream: async () =>
          Promise.reject(
            Object.assign(new Error("no"), {
              name: "AI_UnsupportedFunctionalityError",
              functionality: "streaming",
            }),
          ),
        doGenerate: async () => ({
          content: [text("a"), text("b")],
          finishReason: STOP,
          usage: USAGE,
          warnings: [],
        }),
      }),
    );
    const onDelta = (delta: ModelDelta): void => {
      deltas.push(delta);
      abort.abort();
    };
    const error = await failureOf(model.call(requestOf([user("Go")], { signal: abort.signal, onDelta })));
    expect(error.code).toBe("MODEL_CALL_CANCELLED");
    await Promise.resolve();
    expect(deltas).toEqual([{ type: "text", text: "a" }]);
  });

  it("lets go of a stream that opens after the abort", async () => {
    const opening = Promise.withResolvers<{ stream: ReadableStream<LanguageModelV4StreamPart> }>();
    const released = Promise.withResolvers<boolean>();
    const abort = new AbortController();
    const model = fromLanguageModel(modelV4([], { doStream: async () => await opening.promise }));
    const call = model.call(requestOf([user("Go")], { signal: abort.signal }));
    abort.abort();
    expect((await failureOf(call)).code).toBe("MODEL_CALL_CANCELLED");
    opening.resolve({ stream: new ReadableStream({ cancel: () => released.resolve(true) }) });
    expect(await released.promise).toBe(true);
  });

  it("asks for the whole answer where a model cannot stream", async () => {
    const cannot = Object.assign(new Error("no"), {
      name: "AI_UnsupportedFunctionalityError",
      functionality: "streaming",
    });
    const model = fromLanguageModel(
      modelV4([], {
        doStream: async () => Promise.reject(cannot),
        doGenerate: async () => ({
          content: [
            { type: "reasoning", text: "hm", providerMetadata: { test: { seal: "q" } } },
            { type: "text", text: "whole" },
            { type: "tool-call", toolCallId: "x", toolName: "clock", input: '{"a":1}' },
          ],
          finishReason: { unified: "tool-calls", raw: "tool_calls" },
          usage: USAGE,
          warnings: [],
          response: { id: "r1" },
        }),
      }),
    );
    const { deltas, onDelta } = collectDeltas();
    const answer = await model.call(requestOf([user("Go")], { onDelta }));
    expect(answer.content).toEqual([
      { type: "reasoning", text: "hm", providerMetadata: { test: { seal: "q" } } },
      { type: "text", text: "whole" },
      { type: "tool-call", providerCallId: "x", toolName: "clock", input: { a: 1 } },
    ]);
    expect(answer.metadata).toMatchObject({ responseId: "r1" });
    expect(deltas).toHaveLength(2);
  });

  it("refuses a result whose call is not in the transcript (E3)", async () => {
    const messages: Message[] = [
      user("Go"),
      {
        role: "tool",
        results: [{ callId: "call_9_0", toolName: "clock", output: { type: "text", value: "x" } }],
      },
    ];
    const error = await failureOf(fromLanguageModel(modelV4([FINISH])).call(requestOf(messages)));
    expect(error.code).toBe("MODEL_REQUEST_REJECTED");
  });

  it("refuses a model of a specification it does not know", () => {
    const future = { ...modelV4([]), specificationVersion: "v9" };
    expect(() => fromLanguageModel(future as never)).toThrow(
      expect.objectContaining({ code: "MODEL_NOT_CONFIGURED" }) as Error,
    );
  });
});

const PNG = new Uint8Array([137, 80]);
const OLD_MESSAGES: Message[] = [
  {
    role: "user",
    content: [
      { type: "text", text: "See" },
      { type: "file", mediaType: "image/png", data: { kind: "blob", digest: "d", bytes: 2 } },
      { type: "file", mediaType: "image/png", data: { kind: "url", url: "https://example.com/a.png" } },
    ],
  },
  {
    role: "assistant",
    provider: "test.old",
    content: [
      { type: "reasoning", text: "hm", providerMetadata: { test: { signature: "s" } } },
      { type: "opaque", part: { type: "custom", kind: "test.thing" } },
      { type: "tool-call", callId: "call_1_0", providerCallId: "p1", toolName: "clock", input: { a: 1 } },
    ],
  },
  {
    role: "tool",
    results: [
      {
        callId: "call_1_0",
        toolName: "clock",
        output: {
          type: "content",
          value: [
            { type: "text", text: "noon" },
            { type: "file", mediaType: "image/png", data: { kind: "base64", base64: "AQID" } },
          ],
        },
      },
    ],
  },
];

describe("a model of specification V3", () => {
  it("is given files and tool results in its own shape, and understood in return", async () => {
    let seen: LanguageModelV3CallOptions | undefined;
    const parts: LanguageModelV3StreamPart[] = [
      { type: "text-delta", id: "1", delta: "ok" },
      { type: "file", mediaType: "image/png", data: PNG },
      { type: "finish", finishReason: { unified: "stop", raw: "stop" }, usage: USAGE },
    ];
    const model: LanguageModelV3 = {
      specificationVersion: "v3",
      provider: "test.old",
      modelId: "m",
      supportedUrls: {},
      doGenerate: async () => Promise.reject(new Error("not asked for")),
      doStream: async (options) => {
        seen = options;
        return { stream: streamOf(parts) };
      },
    };
    const answer = await fromLanguageModel(model).call(
      requestOf(OLD_MESSAGES, {
        readBlob: async () => PNG,
        settings: { reasoning: "high" },
        tools: [tool("clock")],
      }),
    );
    expect(seen).not.toHaveProperty("reasoning");
    expect(seen?.prompt.slice(1)).toMatchObject([
      { content: [{ text: "See" }, { data: PNG }, { data: new URL("https://example.com/a.png") }] },
      {
        content: [
          { text: "hm", providerOptions: { test: { signature: "s" } } },
          { toolCallId: "p1", input: { a: 1 } },
        ],
      },
      {
        content: [
          { toolCallId: "p1", output: { value: [{ text: "noon" }, { type: "image-data", data: "AQID" }] } },
        ],
      },
    ]);
    expect(answer.content).toEqual([
      { type: "text", text: "ok" },
      { type: "file", mediaType: "image/png", data: { kind: "base64", base64: "iVA=" } },
    ]);
    expect(answer.usage).toMatchObject({ inputTokens: 12, cacheReadTokens: 5 });
  });

  it("is cut when it ends with the value its packages begin with (E9)", async () => {
    const model = {
      ...modelV4([]),
      specificationVersion: "v3",
      doStream: async () => ({
        stream: streamOf([
          { type: "finish", finishReason: { unified: "other", raw: undefined }, usage: USAGE },
        ]),
      }),
    };
    const call = fromLanguageModel(model as never).call(requestOf([user("Go")]));
    expect((await failureOf(call)).code).toBe("MODEL_STREAM_CUT");
  });
});

describe("a model of specification V2", () => {
  const modelV2 = (
    finish: Partial<Extract<LanguageModelV2StreamPart, { type: "finish" }>>,
    provider = "test.old",
    see: (options: LanguageModelV2CallOptions) => void = () => undefined,
  ): LanguageModelV2 => ({
    specificationVersion: "v2",
    provider,
    modelId: "m",
    supportedUrls: {},
    doGenerate: async () => Promise.reject(new Error("not asked for")),
    doStream: async (options) => {
      see(options);
      const usage = {
        inputTokens: 10,
        outputTokens: 4,
        totalTokens: 14,
        cachedInputTokens: 6,
        reasoningTokens: 1,
      };
      return {
        stream: streamOf<LanguageModelV2StreamPart>([
          { type: "stream-start", warnings: [{ type: "unsupported-setting", setting: "seed" }] },
          { type: "text-delta", id: "1", delta: "ok" },
          { type: "tool-result", toolCallId: "p", toolName: "s", result: undefined, providerExecuted: true },
          { type: "finish", finishReason: "stop", usage, ...finish },
        ]),
      };
    },
  });

  it("is given files and tool results in its own shape", async () => {
    let seen: LanguageModelV2CallOptions | undefined;
    const model = fromLanguageModel(modelV2({}, "test.old", (options) => void (seen = options)));
    const answer = await model.call(requestOf(OLD_MESSAGES, { readBlob: async () => PNG }));
    expect(seen?.prompt[3]).toMatchObject({
      content: [
        { output: { value: [{ text: "noon" }, { type: "media", data: "AQID", mediaType: "image/png" }] } },
      ],
    });
    expect(answer.metadata["warnings"]).toEqual([{ type: "unsupported", feature: "seed" }]);
  });

  it("reports cached tokens as part of the input, also where its package counts them apart", async () => {
    const apart = await fromLanguageModel(modelV2({}, "anthropic.messages")).call(requestOf([user("Go")]));
    const within = await fromLanguageModel(modelV2({}, "openai.chat")).call(requestOf([user("Go")]));
    expect(apart.usage).toMatchObject({ inputTokens: 16, cacheReadTokens: 6 });
    expect(within.usage).toMatchObject({ inputTokens: 10, cacheReadTokens: 6, reasoningTokens: 1 });
  });

  it.each(["unknown", "error"] as const)("is cut when it ends with %s (E9)", async (finishReason) => {
    const call = fromLanguageModel(modelV2({ finishReason })).call(requestOf([user("Go")]));
    expect((await failureOf(call)).code).toBe("MODEL_STREAM_CUT");
  });
});
