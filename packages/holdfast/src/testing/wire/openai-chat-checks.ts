import type { JsonObject } from "../../core/json.ts";
import { openaiInvalid } from "./openai-refusal.ts";
import type { Refusal } from "./wire-format.ts";
import { asObject, asObjects, asText } from "./wire-json.ts";

const NAME = /^[a-zA-Z0-9_-]+$/;
const MAX_ID_CHARS = 40;
const ROLES = new Set(["system", "developer", "user", "assistant", "tool"]);

const checkName = (name: string, at: string): Refusal | undefined =>
  NAME.test(name)
    ? undefined
    : openaiInvalid(
        `Invalid '${at}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.`,
        at,
        "invalid_value",
      );

/** OpenAI's rules for function tools, the same in both of its interfaces. */
export const checkOpenaiTool = (tool: JsonObject, at: string): Refusal | undefined => {
  const name = asText(tool["name"]);
  const type = asObject(tool["parameters"])["type"];
  if (type !== "object") {
    return openaiInvalid(
      `Invalid schema for function '${name}': schema must be a JSON Schema of 'type: "object"', got 'type: "${asText(type) || "None"}"'.`,
      `${at}.parameters`,
      "invalid_function_parameters",
    );
  }
  return checkName(name, `${at}.name`);
};

const checkCall = (call: JsonObject, at: string): Refusal | undefined => {
  const id = asText(call["id"]);
  if (id.length > MAX_ID_CHARS) {
    return openaiInvalid(
      `Invalid '${at}.id': string too long. Expected a string with maximum length ${MAX_ID_CHARS}, but got a string with length ${id.length} instead.`,
      `${at}.id`,
      "string_above_max_length",
    );
  }
  if (id === "") return openaiInvalid(`Invalid '${at}.id': empty string.`, `${at}.id`, "empty_string");
  return checkName(asText(asObject(call["function"])["name"]), `${at}.function.name`);
};

/** Follows which calls still wait for a result while messages pass by. */
class OpenCalls {
  #waiting = new Set<string>();

  /** An assistant message with calls; the ones before must be answered. */
  begin(calls: readonly JsonObject[], at: string): Refusal | undefined {
    for (const [index, call] of calls.entries()) {
      const bad = checkCall(call, `${at}.tool_calls[${index}]`);
      if (bad !== undefined) return bad;
      this.#waiting.add(asText(call["id"]));
    }
    return this.#waiting.size < calls.length
      ? openaiInvalid(`Duplicate tool call ids in '${at}.tool_calls'.`, at, "invalid_value")
      : undefined;
  }

  answer(id: string, at: string): Refusal | undefined {
    return this.#waiting.delete(id)
      ? undefined
      : openaiInvalid(
          "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
          `${at}.role`,
        );
  }

  end(at: string): Refusal | undefined {
    if (this.#waiting.size === 0) return undefined;
    const ids = [...this.#waiting].join(", ");
    return openaiInvalid(
      `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${ids}`,
      at,
    );
  }
}

const checkMessage = (message: JsonObject, at: string, open: OpenCalls): Refusal | undefined => {
  const role = asText(message["role"]);
  if (!ROLES.has(role)) {
    return openaiInvalid(
      `Invalid value: '${role}'. Supported values are: 'system', 'assistant', 'user', 'tool'.`,
      `${at}.role`,
      "invalid_value",
    );
  }
  if (role === "tool") return open.answer(asText(message["tool_call_id"]), at);
  const left = open.end(`${at}.role`);
  if (left !== undefined) return left;
  const calls = asObjects(message["tool_calls"]);
  if (role === "assistant" && calls.length > 0) return open.begin(calls, at);
  return typeof message["content"] === "string" || Array.isArray(message["content"])
    ? undefined
    : openaiInvalid(`Invalid value for 'content': expected a string, got null.`, `${at}.content`);
};

/** What OpenAI's chat completions refuse. */
export const checkOpenaiChat = (body: JsonObject): Refusal | undefined => {
  const messages = asObjects(body["messages"]);
  if (messages.length === 0) {
    return openaiInvalid(
      "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
      "messages",
      "empty_array",
    );
  }
  for (const [index, tool] of asObjects(body["tools"]).entries()) {
    const bad = checkOpenaiTool(asObject(tool["function"]), `tools[${index}].function`);
    if (bad !== undefined) return bad;
  }
  const open = new OpenCalls();
  for (const [index, message] of messages.entries()) {
    const bad = checkMessage(message, `messages.[${index}]`, open);
    if (bad !== undefined) return bad;
  }
  return open.end("messages");
};

/** Templates of open models allow one system message, at the beginning; servers such as vLLM pass their refusal on. */
export const checkOneSystemMessage = (body: JsonObject): Refusal | undefined => {
  const isLate = asObjects(body["messages"]).some(
    (message, index) => message["role"] === "system" && index > 0,
  );
  if (!isLate) return undefined;
  const message = "System message must be at the beginning.";
  return { status: 400, body: { error: { message, type: "BadRequestError", param: null, code: 400 } } };
};
