import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../core/json.ts";
import { createModelServer, type ModelServer, type WireScript } from "./index.ts";

const PATHS = {
  chat: "/v1/chat/completions",
  responses: "/v1/responses",
  anthropic: "/v1/messages",
  google: "/v1beta/models/gemini:streamGenerateContent?alt=sse",
} as const;

type Format = keyof typeof PATHS;

const post = async (
  server: ModelServer,
  format: Format,
  body: JsonObject,
): Promise<{ readonly status: number; readonly text: string }> => {
  const response = await fetch(`${server.url}${PATHS[format]}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
};

const user = { role: "user", content: "Go" };
const chatCall = (id: string) => ({ id, type: "function", function: { name: "clock", arguments: "{}" } });
const chatAsks = (...ids: string[]) => ({ role: "assistant", content: null, tool_calls: ids.map(chatCall) });
const chatAnswers = (id: string) => ({ role: "tool", tool_call_id: id, content: "noon" });
const use = (id: string, more: JsonObject = {}) => ({
  type: "tool_use",
  id,
  name: "clock",
  input: {},
  ...more,
});
const result = (id: string) => ({ type: "tool_result", tool_use_id: id, content: "noon" });
const says = (role: string, ...content: JsonObject[]) => ({ role, content });
const asks = (...parts: JsonObject[]) => ({ role: "model", parts });
const asked = { functionCall: { name: "clock", args: {} } };
const answered = { role: "user", parts: [{ functionResponse: { name: "clock", response: {} } }] };
const googleUser = { role: "user", parts: [{ text: "Go" }] };

const anthropic = (...messages: JsonObject[]): JsonObject => ({ model: "m", max_tokens: 9, messages });

const REFUSED: readonly (readonly [format: Format, body: JsonObject, words: string])[] = [
  ["chat", { messages: [] }, "empty array"],
  [
    "chat",
    { messages: [user, chatAsks("a", "b"), chatAnswers("a"), user] },
    "did not have response messages: b",
  ],
  ["chat", { messages: [user, chatAsks("a")] }, "did not have response messages: a"],
  ["chat", { messages: [user, chatAnswers("a")] }, "must be a response to a preceeding message"],
  ["chat", { messages: [user, chatAsks("a", "a"), chatAnswers("a")] }, "Duplicate"],
  ["chat", { messages: [user, chatAsks("a".repeat(41))] }, "string too long"],
  [
    "chat",
    { messages: [user], tools: [{ function: { name: "a b", parameters: { type: "object" } } }] },
    "does not match pattern",
  ],
  [
    "chat",
    { messages: [user], tools: [{ function: { name: "a", parameters: {} } }] },
    "Invalid schema for function 'a'",
  ],
  ["responses", { input: [] }, "must be provided"],
  [
    "responses",
    { input: [user, { type: "function_call", call_id: "a", name: "f", arguments: "{}" }] },
    "No tool output found for function call a",
  ],
  [
    "responses",
    { input: [user, { type: "function_call_output", call_id: "a", output: "x" }] },
    "No tool call found for function call output with call_id a",
  ],
  ["responses", { input: [user, { type: "item_reference", id: "rs_1" }] }, "Items are not persisted"],
  [
    "responses",
    { input: [user, { type: "reasoning", id: "rs_1", summary: [] }, user] },
    "without its required following item",
  ],
  [
    "responses",
    { input: [{ type: "reasoning", id: "rs_1", encrypted_content: "made up" }] },
    "could not be verified",
  ],
  ["anthropic", { model: "m", messages: [user] }, "max_tokens: Field required"],
  ["anthropic", anthropic(says("assistant", { type: "text", text: "Hi" })), "first message must use"],
  ["anthropic", anthropic({ role: "system", content: "x" }), "Unexpected role"],
  ["anthropic", anthropic(user, user), "roles must alternate"],
  ["anthropic", anthropic(says("user", { type: "text", text: "" })), "must be non-empty"],
  ["anthropic", anthropic(says("user", { type: "text", text: " \n" })), "non-whitespace"],
  [
    "anthropic",
    anthropic(says("user"), says("assistant", { type: "text", text: "x" })),
    "all messages must have non-empty content",
  ],
  [
    "anthropic",
    anthropic(user, says("assistant", use("a")), user),
    "without `tool_result` blocks immediately after: a",
  ],
  [
    "anthropic",
    anthropic(user, says("assistant", use("a")), says("user", { type: "text", text: "First" }, result("a"))),
    "immediately after: a",
  ],
  [
    "anthropic",
    anthropic(user, says("assistant", { type: "text", text: "x" }), says("user", result("a"))),
    "unexpected `tool_use_id`",
  ],
  [
    "anthropic",
    anthropic(user, says("assistant", use("a"), use("a")), says("user", result("a"), result("a"))),
    "must be unique",
  ],
  [
    "anthropic",
    anthropic(user, says("assistant", use("functions.a:0")), user),
    "String should match pattern",
  ],
  ["anthropic", anthropic(user, says("assistant", use("a", { input: "{" })), user), "valid dictionary"],
  [
    "anthropic",
    anthropic(user, says("assistant", { type: "thinking", thinking: "x", signature: "y" })),
    "Invalid `signature`",
  ],
  [
    "anthropic",
    {
      ...anthropic(user, says("assistant", use("a")), says("user", result("a"))),
      thinking: { type: "enabled" },
    },
    "must start with a thinking block",
  ],
  ["google", { contents: [] }, "contents is not specified"],
  ["google", { contents: [{ role: "user", parts: [] }] }, "parts must not be empty"],
  ["google", { contents: [{ role: "user", parts: [{ text: "" }] }] }, "must have one initialized field"],
  ["google", { contents: [asks(asked)] }, "immediately after a user turn"],
  ["google", { contents: [googleUser, answered] }, "immediately after a function call turn"],
  ["google", { contents: [googleUser, asks(asked, asked), answered] }, "number of function response parts"],
  ["google", { contents: [googleUser, asks(asked)] }, "number of function response parts"],
  [
    "google",
    { contents: [googleUser, asks({ ...asked, thoughtSignature: "made up" }), answered] },
    "Thought signature is not valid",
  ],
];

describe("a model server", () => {
  it.each(REFUSED)("of format %s refuses what the service refuses: %j", async (format, body, words) => {
    await using server = await createModelServer({ script: () => ({ text: "accepted" }) });
    const { status, text } = await post(server, format, body);
    expect([400, 404]).toContain(status);
    expect(text).toContain(words);
    expect(text).not.toContain("accepted");
  });

  it.each(Object.keys(PATHS) as Format[])("of format %s knows its key and its models", async (format) => {
    const body = { ...anthropic(user), input: [user], contents: [googleUser] };
    await using locked = await createModelServer({ script: [], apiKey: "k" });
    await using narrow = await createModelServer({ script: [], models: ["other"] });
    expect((await post(locked, format, body)).status).toBe(format === "google" ? 400 : 401);
    expect((await post(narrow, format, body)).status).toBe(404);
  });

  it("refuses a second system message when it plays a server of open models", async () => {
    const body = { messages: [{ role: "system", content: "a" }, user, { role: "system", content: "b" }] };
    const script: WireScript = () => ({ text: "accepted" });
    await using open = await createModelServer({ script, oneSystemMessage: true });
    await using hosted = await createModelServer({ script });
    expect((await post(open, "chat", body)).text).toContain("System message must be at the beginning.");
    expect((await post(hosted, "chat", body)).status).toBe(200);
  });

  it("misses reasoning that was left out beside an item it led to", async () => {
    await using server = await createModelServer({
      script: () => ({ reasoning: "Hm.", toolCalls: [{ name: "clock", id: "c" }] }),
    });
    await post(server, "responses", { input: [user] });
    const call = { type: "function_call", id: "fc_000001_1", call_id: "c", name: "clock", arguments: "{}" };
    const output = { type: "function_call_output", call_id: "c", output: "noon" };
    expect((await post(server, "responses", { input: [user, call, output] })).text).toContain(
      "without its required 'reasoning' item: 'rs_000001_0'",
    );
  });

  it("keeps what it was asked, and how it answered", async () => {
    await using server = await createModelServer({ script: () => ({}) });
    await post(server, "chat", { messages: [] });
    await post(server, "chat", { model: "m", messages: [user] });
    expect(server.requests.map(({ status, path }) => [status, path])).toEqual([
      [400, PATHS.chat],
      [200, PATHS.chat],
    ]);
  });
});
