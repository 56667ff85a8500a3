import type { JsonObject } from "../../core/json.ts";
import { checkOpenaiTool } from "./openai-chat-checks.ts";
import { openaiInvalid } from "./openai-refusal.ts";
import type { Issued, Refusal } from "./wire-format.ts";
import { asObjects, asText } from "./wire-json.ts";

const itemType = (id: string): string =>
  id.startsWith("rs_") ? "reasoning" : id.startsWith("fc_") ? "function_call" : "message";

const notFound = (id: string): Refusal => ({
  status: 404,
  body: {
    error: {
      message: `Item with id '${id}' not found. Items are not persisted when \`store\` is set to false. Try again with \`store\` set to true, or remove this item from your input.`,
      type: "invalid_request_error",
      param: "input",
      code: null,
    },
  },
});

const isReasoning = (item: JsonObject): boolean =>
  item["type"] === "reasoning" ||
  (item["type"] === "item_reference" && itemType(asText(item["id"])) === "reasoning");

/** What a model says after it has reasoned. */
const isFollowing = (item: JsonObject | undefined): boolean =>
  item?.["type"] === "function_call" || item?.["type"] === "item_reference" || item?.["role"] === "assistant";

/** An item given by id must come with the reasoning that led to it, and reasoning with what it led to. */
const checkReasoning = (items: readonly JsonObject[], issued: Issued): Refusal | undefined => {
  const ids = new Set(items.map((item) => asText(item["id"])));
  for (const [index, item] of items.entries()) {
    const id = asText(item["id"]);
    const required = issued.items.get(id)?.reasoningId;
    if (required !== undefined && !ids.has(required)) {
      return openaiInvalid(
        `Item '${id}' of type '${itemType(id)}' was provided without its required 'reasoning' item: '${required}'.`,
        "input",
      );
    }
    if (isReasoning(item) && !isFollowing(items[index + 1])) {
      return openaiInvalid(
        `Item '${id}' of type 'reasoning' was provided without its required following item.`,
        "input",
      );
    }
  }
  return undefined;
};

const checkSeals = (items: readonly JsonObject[], issued: Issued): Refusal | undefined => {
  for (const item of items) {
    if (item["type"] === "item_reference" && issued.items.get(asText(item["id"]))?.isStored !== true) {
      return notFound(asText(item["id"]));
    }
    const seal = item["encrypted_content"];
    if (item["type"] !== "reasoning" || seal === undefined || seal === null) continue;
    if (issued.seals.get(asText(seal)) !== item["id"]) {
      return openaiInvalid(
        `The encrypted content for item ${asText(item["id"])} could not be verified.`,
        "input",
        "invalid_encrypted_content",
      );
    }
  }
  return undefined;
};

/** The call id of a stored call that is only referred to. */
const callIdOf = (item: JsonObject, issued: Issued): string | undefined => {
  if (item["type"] === "function_call") return asText(item["call_id"]);
  return item["type"] === "item_reference" ? issued.seals.get(`call of ${asText(item["id"])}`) : undefined;
};

const checkCalls = (items: readonly JsonObject[], issued: Issued): Refusal | undefined => {
  const open = new Set<string>();
  for (const item of items) {
    const callId = callIdOf(item, issued);
    if (callId !== undefined) open.add(callId);
    if (item["type"] !== "function_call_output") continue;
    const answered = asText(item["call_id"]);
    if (!open.delete(answered)) {
      return openaiInvalid(`No tool call found for function call output with call_id ${answered}.`, "input");
    }
  }
  const [first] = open;
  return first === undefined
    ? undefined
    : openaiInvalid(`No tool output found for function call ${first}.`, "input");
};

/** What OpenAI's Responses refuse. */
export const checkOpenaiResponses = (body: JsonObject, issued: Issued): Refusal | undefined => {
  for (const [index, tool] of asObjects(body["tools"]).entries()) {
    const bad = tool["type"] === "function" ? checkOpenaiTool(tool, `tools[${index}]`) : undefined;
    if (bad !== undefined) return bad;
  }
  const items = asObjects(body["input"]);
  if (items.length === 0)
    return openaiInvalid("One of 'input' or 'previous_response_id' must be provided.", "input");
  return checkSeals(items, issued) ?? checkReasoning(items, issued) ?? checkCalls(items, issued);
};
