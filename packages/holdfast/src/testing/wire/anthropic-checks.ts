import type { JsonObject } from "../../core/json.ts";
import type { Issued, Refusal } from "./wire-format.ts";
import { asObject, asObjects, asText } from "./wire-json.ts";

const NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const ID = /^[a-zA-Z0-9_-]+$/;

/** Anthropic's 400. */
const anthropicInvalid = (message: string): Refusal => ({
  status: 400,
  body: { type: "error", error: { type: "invalid_request_error", message }, request_id: "req_test" },
});

type Where = { readonly at: string; readonly issued: Issued };

const checkText = (block: JsonObject): Refusal | undefined => {
  const text = asText(block["text"]);
  if (text === "") return anthropicInvalid("messages: text content blocks must be non-empty");
  return text.trim() === ""
    ? anthropicInvalid("messages: text content blocks must contain non-whitespace text")
    : undefined;
};

const checkToolUse = (block: JsonObject, { at }: Where): Refusal | undefined => {
  if (!ID.test(asText(block["id"]))) {
    return anthropicInvalid(`${at}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'`);
  }
  if (!NAME.test(asText(block["name"]))) {
    return anthropicInvalid(`${at}.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`);
  }
  const input = block["input"];
  return typeof input === "object" && input !== null && !Array.isArray(input)
    ? undefined
    : anthropicInvalid(`${at}.tool_use.input: Input should be a valid dictionary`);
};

const checkThinking = (block: JsonObject, { at, issued }: Where): Refusal | undefined => {
  const signature = asText(block["signature"]);
  return issued.seals.get(signature) === block["thinking"]
    ? undefined
    : anthropicInvalid(`${at}: Invalid \`signature\` in \`thinking\` block`);
};

const checkBlock = (block: JsonObject, where: Where): Refusal | undefined => {
  switch (block["type"]) {
    case "text":
      return checkText(block);
    case "tool_use":
      return checkToolUse(block, where);
    case "thinking":
      return checkThinking(block, where);
    default:
      return undefined;
  }
};

const blocksOf = (message: JsonObject): readonly JsonObject[] =>
  typeof message["content"] === "string"
    ? [{ type: "text", text: message["content"] }]
    : asObjects(message["content"]);

const checkRole = (messages: readonly JsonObject[], index: number): Refusal | undefined => {
  const role = asText(messages[index]?.["role"]);
  if (role === "system") {
    return anthropicInvalid(
      'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an input message role.',
    );
  }
  if (index === 0 && role !== "user")
    return anthropicInvalid('messages: first message must use the "user" role');
  return role === messages[index - 1]?.["role"]
    ? anthropicInvalid(
        `messages: roles must alternate between "user" and "assistant", but found multiple "${role}" roles in a row`,
      )
    : undefined;
};

const idsOf = (blocks: readonly JsonObject[], type: string, member: string): readonly string[] =>
  blocks.filter((block) => block["type"] === type).map((block) => asText(block[member]));

/** Calls and results pair off between one message and the next, results first. */
const checkPairs = (messages: readonly JsonObject[], index: number): Refusal | undefined => {
  const before = blocksOf(messages[index - 1] ?? {});
  const blocks = blocksOf(messages[index] ?? {});
  const called = idsOf(before, "tool_use", "id");
  if (new Set(called).size < called.length)
    return anthropicInvalid(`messages.${index - 1}: \`tool_use\` ids must be unique`);
  const leading = blocks.slice(0, called.length);
  const missing = called.filter((id) => !idsOf(leading, "tool_result", "tool_use_id").includes(id));
  if (missing.length > 0) {
    return anthropicInvalid(
      `messages.${index - 1}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(", ")}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
    );
  }
  const stray = idsOf(blocks, "tool_result", "tool_use_id").find((id) => !called.includes(id));
  return stray === undefined
    ? undefined
    : anthropicInvalid(
        `messages.${index}.content.0: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
      );
};

/** With thinking on, an answer that asked for tools must be sent back with the thinking that led to it. */
const checkThinkingFirst = (body: JsonObject, messages: readonly JsonObject[]): Refusal | undefined => {
  const type = asObject(body["thinking"])["type"];
  if (type !== "enabled" && type !== "adaptive") return undefined;
  const index = messages.findLastIndex((message) => message["role"] === "assistant");
  const blocks = blocksOf(messages[index] ?? {});
  const first = asText(blocks[0]?.["type"]);
  const isToolTurn = blocks.some((block) => block["type"] === "tool_use") && index === messages.length - 2;
  if (!isToolTurn || first === "thinking" || first === "redacted_thinking") return undefined;
  return anthropicInvalid(
    `messages.${index}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`${first}\`. When \`thinking\` is enabled, a final \`assistant\` message must start with a thinking block (preceeding the lastmost set of \`tool_use\` and \`tool_result\` blocks).`,
  );
};

const checkTools = (body: JsonObject): Refusal | undefined => {
  for (const [index, tool] of asObjects(body["tools"]).entries()) {
    if (!NAME.test(asText(tool["name"]))) {
      return anthropicInvalid(
        `tools.${index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`,
      );
    }
    if (asObject(tool["input_schema"])["type"] !== "object") {
      return anthropicInvalid(`tools.${index}.custom.input_schema.type: Input should be 'object'`);
    }
  }
  return undefined;
};

const checkMessages = (messages: readonly JsonObject[], issued: Issued): Refusal | undefined => {
  for (const [index, message] of messages.entries()) {
    const blocks = blocksOf(message);
    if (blocks.length === 0 && index < messages.length - 1) {
      return anthropicInvalid(
        `messages.${index}: all messages must have non-empty content except for the optional final assistant message`,
      );
    }
    const badBlock = blocks
      .map((block, position) => checkBlock(block, { at: `messages.${index}.content.${position}`, issued }))
      .find((found) => found !== undefined);
    const bad =
      checkRole(messages, index) ?? badBlock ?? (index > 0 ? checkPairs(messages, index) : undefined);
    if (bad !== undefined) return bad;
  }
  return undefined;
};

/** What Anthropic's Messages refuse. */
export const checkAnthropic = (body: JsonObject, issued: Issued): Refusal | undefined => {
  if (typeof body["max_tokens"] !== "number") return anthropicInvalid("max_tokens: Field required");
  const messages = asObjects(body["messages"]);
  if (messages.length === 0) return anthropicInvalid("messages: at least one message is required");
  const last = messages.length - 1;
  const unanswered = idsOf(blocksOf(messages[last] ?? {}), "tool_use", "id");
  if (unanswered.length > 0) {
    return anthropicInvalid(
      `messages.${last}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${unanswered.join(", ")}.`,
    );
  }
  return checkTools(body) ?? checkMessages(messages, issued) ?? checkThinkingFirst(body, messages);
};
