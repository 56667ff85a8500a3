import { describe, expect, it } from "vitest";
import type { Message } from "../../core/message.ts";
import { createModelServer } from "../../testing/wire/index.ts";
import {
  callsOf,
  collectDeltas,
  requestOf,
  resultsFor,
  said,
  tool,
  user,
  WIRE_NAMES,
  wireModel,
  type WireName,
} from "./fixtures/wire-models.ts";

const REASONING: Readonly<Record<WireName, boolean>> = {
  "openai-chat": false,
  "openai-responses": true,
  anthropic: true,
  google: true,
  "openai-compatible": true,
};

describe.each(WIRE_NAMES)("a conversation with %s", (name) => {
  it("streams text in order and reports usage with cached tokens", async () => {
    await using server = await createModelServer({
      script: [
        {
          text: "Hello there, Ada.",
          deltas: 4,
          usage: { inputTokens: 100, cacheReadTokens: 60, outputTokens: 7 },
        },
      ],
    });
    const { deltas, onDelta } = collectDeltas();
    const answer = await wireModel(name, server.url).call(requestOf([user("Hi")], { onDelta }));
    expect(answer.finish).toBe("stop");
    expect(answer.content.filter((part) => part.type === "text").map((part) => part.text)).toEqual([
      "Hello there, Ada.",
    ]);
    expect(deltas.map((delta) => (delta.type === "text" ? delta.text : "")).join("")).toBe(
      "Hello there, Ada.",
    );
    expect(deltas.length).toBeGreaterThan(1);
    expect(answer.usage).toMatchObject({ inputTokens: 100, cacheReadTokens: 60, outputTokens: 7 });
  });

  it("pairs parallel tool calls with their results over several turns (E3)", async () => {
    await using server = await createModelServer({
      script: ({ index, toolResults }) => {
        if (index === 0) {
          return {
            toolCalls: [
              { name: "weather", input: { city: "Bern" } },
              { name: "weather", input: { city: "Oslo" } },
              { name: "clock" },
            ],
          };
        }
        if (index === 1) return { text: "One more.", toolCalls: [{ name: "clock" }] };
        return { text: toolResults.map((result) => result.text).join("+") };
      },
    });
    const model = wireModel(name, server.url);
    const tools = [tool("weather"), tool("clock")];
    const messages: Message[] = [user("Weather?")];
    for (const position of [1, 2]) {
      const answer = await model.call(requestOf(messages, { tools }));
      expect(answer.finish).toBe("tool-calls");
      const message = said(model, answer, position);
      messages.push(
        message,
        resultsFor(message, (call) => `${call.toolName}@${position}`),
      );
    }
    const [first] = messages.filter((message) => message.role === "assistant");
    expect(callsOf(first ?? { content: [] }).map((call) => call.input)).toEqual([
      { city: "Bern" },
      { city: "Oslo" },
      {},
    ]);
    const last = await model.call(requestOf(messages, { tools }));
    expect(server.requests.map((request) => request.status)).toEqual([200, 200, 200]);
    expect(last.content).toMatchObject([
      { type: "text", text: expect.stringContaining("clock@2") as string },
    ]);
  });

  it("sends ids that pair calls and results when the provider's repeat", async () => {
    await using server = await createModelServer({
      script: ({ index }) => (index < 2 ? { toolCalls: [{ name: "clock", id: "same" }] } : { text: "done" }),
    });
    const model = wireModel(name, server.url);
    const messages: Message[] = [user("Time?")];
    for (const position of [1, 2]) {
      const message = said(
        model,
        await model.call(requestOf(messages, { tools: [tool("clock")] })),
        position,
      );
      messages.push(
        message,
        resultsFor(message, () => "noon"),
      );
    }
    await model.call(requestOf(messages, { tools: [tool("clock")] }));
    expect(server.requests.map((request) => request.status)).toEqual([200, 200, 200]);
    if (name === "google") return;
    expect(JSON.stringify(server.requests[2]?.body)).toMatch(/"call_2_\d"/);
  });

  it.runIf(REASONING[name])("sends reasoning back unchanged beside the calls it led to (M5)", async () => {
    await using server = await createModelServer({
      script: ({ index }) =>
        index < 2
          ? { reasoning: `I think ${index}.`, toolCalls: [{ name: "clock" }, { name: "weather" }] }
          : { reasoning: "I know.", text: "noon" },
    });
    const model = wireModel(name, server.url);
    const settings = {
      providerOptions: {
        anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } },
        openai: { reasoningSummary: "auto" },
      },
    };
    const tools = [tool("clock"), tool("weather")];
    const messages: Message[] = [user("Time?")];
    for (const position of [1, 2, 3]) {
      const answer = await model.call(requestOf(messages, { tools, settings }));
      expect(answer.content[0]).toMatchObject({ type: "reasoning" });
      const message = said(model, answer, position);
      messages.push(message, position < 3 ? resultsFor(message, () => "noon") : user("Thanks"));
    }
    await model.call(requestOf(messages, { tools, settings }));
    expect(server.requests.map((request) => request.status)).toEqual([200, 200, 200, 200]);
  });

  it.runIf(name === "openai-responses")(
    "refers to kept answers only when the caller wants them kept (M5)",
    async () => {
      for (const store of [true, false]) {
        await using server = await createModelServer({
          script: ({ index }) =>
            index === 0
              ? { reasoning: "Hm.", toolCalls: [{ name: "clock" }, { name: "clock" }] }
              : { text: "noon" },
        });
        const model = wireModel(name, server.url);
        const settings = store ? { providerOptions: { openai: { store } } } : {};
        const over = { tools: [tool("clock")], settings };
        const message = said(model, await model.call(requestOf([user("Time?")], over)), 1);
        await model.call(requestOf([user("Time?"), message, resultsFor(message, () => "noon")], over));
        const sent = JSON.stringify(server.requests[1]?.body);
        expect(server.requests.map((request) => request.status)).toEqual([200, 200]);
        expect(sent.includes("item_reference")).toBe(store);
        expect(sent.includes("encrypted-rs_")).toBe(!store);
      }
    },
  );

  it("sends an image, and one inside a tool's result", async () => {
    await using server = await createModelServer({
      script: ({ index }) => (index === 0 ? { toolCalls: [{ name: "clock" }] } : { text: "A dot." }),
    });
    const model = wireModel(name, server.url);
    const png = Buffer.from("iVBORw0KGgo=", "base64");
    const image = { type: "file", mediaType: "image/png" } as const;
    const messages: Message[] = [
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { ...image, data: { kind: "blob", digest: "d1", bytes: png.length } },
        ],
      },
    ];
    const over = { tools: [tool("clock")], readBlob: async () => png };
    const message = said(model, await model.call(requestOf(messages, over)), 1);
    const output = {
      type: "content",
      value: [
        { type: "text", text: "See." },
        { ...image, data: { kind: "base64", base64: png.toString("base64") } },
      ],
    } as const;
    messages.push(message, {
      role: "tool",
      results: [{ callId: callsOf(message)[0]?.callId ?? "", toolName: "clock", output }],
    });
    await model.call(requestOf(messages, over));
    expect(JSON.stringify(server.requests[0]?.body)).toContain("iVBORw0KGgo=");
    expect(JSON.stringify(server.requests[1]?.body).split("iVBORw0KGgo=").length).toBeGreaterThanOrEqual(2);
    expect(server.requests.map((request) => request.status)).toEqual([200, 200]);
  });

  it("passes on settings, headers and the shape of the answer", async () => {
    await using server = await createModelServer({ script: [{ text: "{}" }] });
    const schema = {
      type: "object",
      properties: { winningCity: { type: "string" } },
      required: ["winningCity"],
      additionalProperties: false,
    };
    const settings = {
      temperature: 0.25,
      maxOutputTokens: 321,
      toolChoice: { tool: "clock" },
      headers: { "x-team": "blue" },
    };
    const request = requestOf([user("Go")], { tools: [tool("clock")], settings });
    const model = wireModel(name, server.url);
    await model.call({ ...request, output: null });
    const seen = server.requests[0];
    const body = JSON.stringify(seen?.body);
    expect(seen?.headers["x-team"]).toBe("blue");
    expect(body).toContain("321");
    expect(body).toContain("Be brief.");
    expect(body).toContain("clock");
    await using shaped = await createModelServer({ script: [{ text: "{}" }] });
    await wireModel(name, shaped.url).call(requestOf([user("Go")], { output: { schema, name: "answer" } }));
    expect(JSON.stringify(shaped.requests[0]?.body)).toContain(
      name === "openai-compatible" ? "json_object" : "winningCity",
    );
  });

  it("drops empty text, and keeps arguments that were not JSON sendable (E3)", async () => {
    await using server = await createModelServer({ script: [{ text: "ok" }] });
    const model = wireModel(name, server.url);
    const messages: Message[] = [
      {
        role: "user",
        content: [
          { type: "text", text: "" },
          { type: "text", text: "Go" },
        ],
      },
      {
        role: "assistant",
        provider: model.provider,
        content: [
          { type: "text", text: "" },
          {
            type: "tool-call",
            callId: "call_1_0",
            providerCallId: "p1",
            toolName: "no such tool!",
            input: '{"a":',
          },
        ],
      },
      {
        role: "tool",
        results: [
          {
            callId: "call_1_0",
            toolName: "no such tool!",
            output: { type: "error", value: "Unknown tool." },
          },
        ],
      },
    ];
    await model.call(requestOf(messages, { tools: [tool("clock")] }));
    expect(server.requests[0]?.status).toBe(200);
    expect(JSON.stringify(server.requests[0]?.body)).toContain("INVALID_JSON");
  });

  it("leaves out what another provider said for itself alone, and keeps the rest", async () => {
    await using server = await createModelServer({ script: [{ text: "ok" }] });
    const model = wireModel(name, server.url);
    const signed = {
      someone: { signature: "foreign-seal" },
      openai: { itemId: "rs_9" },
      google: { thoughtSignature: "zz" },
    };
    const messages: Message[] = [
      user("Go"),
      {
        role: "assistant",
        provider: "someone.else",
        content: [{ type: "reasoning", text: "foreign-thought", providerMetadata: signed }],
      },
      {
        role: "assistant",
        provider: "someone.else",
        content: [
          { type: "reasoning", text: "foreign-thought", providerMetadata: signed },
          { type: "text", text: "Let me look.", providerMetadata: signed },
          {
            type: "tool-call",
            providerCallId: "srv",
            toolName: "web_search",
            input: {},
            providerExecuted: true,
          },
          {
            type: "provider-tool-result",
            providerCallId: "srv",
            toolName: "web_search",
            result: { secret: "foreign-result" },
          },
          { type: "opaque", part: { type: "custom", kind: "someone.compaction" } },
          {
            type: "tool-call",
            callId: "call_1_0",
            providerCallId: "functions.clock:0",
            toolName: "clock",
            input: {},
            providerMetadata: signed,
          },
        ],
      },
      {
        role: "tool",
        results: [{ callId: "call_1_0", toolName: "clock", output: { type: "json", value: { hour: 12 } } }],
      },
    ];
    await model.call(requestOf(messages, { tools: [tool("clock")] }));
    const sent = JSON.stringify(server.requests[0]?.body);
    expect(server.requests[0]?.status).toBe(200);
    expect(sent).toContain("Let me look.");
    for (const foreign of ["foreign-", "rs_9", "zz", "web_search", "functions.clock:0", "compaction"]) {
      expect(sent).not.toContain(foreign);
    }
  });
});
