import type { Refusal } from "./wire-format.ts";
import type { RefusalReason } from "./wire-script.ts";

type Words = readonly [status: number, type: string, code: string | null, message: string];

const WORDS: Readonly<Record<RefusalReason, Words>> = {
  "bad-key": [
    401,
    "invalid_request_error",
    "invalid_api_key",
    "Incorrect API key provided: sk-wrong-**********rong. You can find your API key at https://platform.openai.com/account/api-keys.",
  ],
  "unknown-model": [
    404,
    "invalid_request_error",
    "model_not_found",
    "The model `nothing` does not exist or you do not have access to it.",
  ],
  "rate-limit": [
    429,
    "requests",
    "rate_limit_exceeded",
    "Rate limit reached for this model on requests per min (RPM): Limit 3, Used 3, Requested 1.",
  ],
  quota: [
    429,
    "insufficient_quota",
    "insufficient_quota",
    "You exceeded your current quota, please check your plan and billing details.",
  ],
  "context-overflow": [
    400,
    "invalid_request_error",
    "context_length_exceeded",
    "This model's maximum context length is 128000 tokens. However, your messages resulted in 130042 tokens. Please reduce the length of the messages.",
  ],
  "content-policy": [
    400,
    "invalid_request_error",
    "invalid_prompt",
    "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
  ],
  "bad-request": [400, "invalid_request_error", null, "Invalid request."],
  "server-error": [
    500,
    "server_error",
    null,
    "The server had an error while processing your request. Sorry about that!",
  ],
  unavailable: [503, "server_error", null, "The engine is currently overloaded, please try again later."],
  overloaded: [503, "server_error", "server_is_overloaded", "Our servers are currently overloaded."],
};

/** OpenAI's error body. */
export const openaiRefusal = (reason: RefusalReason, message?: string): Refusal => {
  const [status, type, code, words] = WORDS[reason];
  return { status, body: { error: { message: message ?? words, type, param: null, code } } };
};

/** A 400 about one member of the request. */
export const openaiInvalid = (message: string, param: string, code: string | null = null): Refusal => ({
  status: 400,
  body: { error: { message, type: "invalid_request_error", param, code } },
});
