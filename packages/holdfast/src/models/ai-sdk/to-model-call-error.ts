import { isHoldfastError, ModelCallError } from "../../core/errors.ts";
import type { FailureCode } from "../../core/failure.ts";
import type { JsonObject } from "../../core/json.ts";
import { isContextOverflow } from "./context-overflow.ts";
import { readMember, readReply, type ProviderReply } from "./provider-reply.ts";
import { redactMessage } from "./redact-message.ts";
import { readRetryAfter } from "./retry-after.ts";

/** Where a call was when it failed. */
export type FailedCall = {
  readonly provider: string;
  readonly modelId: string;
  /** Whether the answer had begun to stream: what breaks from then on is a cut (E9). */
  readonly isStreaming: boolean;
  /** Values that must not be repeated, such as the call's own headers. */
  readonly secrets: readonly string[];
};

type Verdict = {
  readonly code: FailureCode;
  readonly what: string;
  readonly hint?: string;
  readonly retryable?: boolean;
};

const QUOTA = new Set([
  "insufficient_quota",
  "billing_error",
  "billing_hard_limit_reached",
  "credits_exhausted",
]);
const QUOTA_WORDING =
  /credit balance is too low|insufficient (balance|quota|credits)|exceeded your current quota, please check/i;
const REFUSAL = new Set([
  "content_filter",
  "content_policy_violation",
  "invalid_prompt",
  "ResponsibleAIPolicyViolation",
]);
const KEY_INVALID = /api[ _]key not valid|API_KEY_INVALID|invalid api key|incorrect api key/i;

/** What a stream's own error names stand for, where no HTTP status came with them. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  rate_limit_exceeded: 429,
  rate_limit_error: 429,
  RESOURCE_EXHAUSTED: 429,
  authentication_error: 401,
  invalid_api_key: 401,
  UNAUTHENTICATED: 401,
  permission_error: 403,
  PERMISSION_DENIED: 403,
  invalid_request_error: 400,
  INVALID_ARGUMENT: 400,
  not_found_error: 404,
  model_not_found: 404,
  server_error: 500,
  internal_error: 500,
  api_error: 500,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  overloaded_error: 529,
};

const statusOf = ({ status, codes }: ProviderReply): number | undefined =>
  status === undefined || status < 400
    ? codes.map((code) => STATUS_OF_CODE[code]).find((known) => known !== undefined)
    : status;

const UNAUTHORIZED: Verdict = {
  code: "MODEL_UNAUTHORIZED",
  what: "refused the credentials",
  hint: "Check the API key of this provider and what it may be used for.",
};

const NO_QUOTA: Verdict = {
  code: "MODEL_RATE_LIMITED",
  what: "has no quota left for this account",
  hint: "Add credit or raise the limit with the provider; waiting does not help.",
  retryable: false,
};

const ofStatus = (status: number): Verdict | undefined => {
  if (status === 401 || status === 403) return UNAUTHORIZED;
  if (status === 402) return NO_QUOTA;
  if (status === 413) return { code: "MODEL_CONTEXT_OVERFLOW", what: "found the request too large" };
  if (status === 429) return { code: "MODEL_RATE_LIMITED", what: "limits the rate of calls" };
  if (status === 408 || status === 409 || status === 425 || status >= 500) {
    return { code: "MODEL_UNAVAILABLE", what: "is not available" };
  }
  if (status === 404) {
    return {
      code: "MODEL_REQUEST_REJECTED",
      what: "does not know this model or address",
      hint: "Check the model's name, and the base URL if you set one.",
    };
  }
  return status >= 400 ? { code: "MODEL_REQUEST_REJECTED", what: "refused the request" } : undefined;
};

const judgeReply = (reply: ProviderReply): Verdict | undefined => {
  const status = statusOf(reply);
  const isRefusedRequest = status === undefined || (status >= 400 && status < 500 && status !== 429);
  const words = [reply.message, ...reply.codes].join(" ");
  if (reply.codes.some((code) => QUOTA.has(code)) || QUOTA_WORDING.test(reply.message)) return NO_QUOTA;
  if (isRefusedRequest && isContextOverflow(words)) {
    return { code: "MODEL_CONTEXT_OVERFLOW", what: "found the conversation longer than the model can read" };
  }
  if (status !== undefined && status < 500 && KEY_INVALID.test(words)) return UNAUTHORIZED;
  if (reply.codes.some((code) => REFUSAL.has(code))) {
    return { code: "MODEL_REFUSED", what: "refused to answer for reasons of policy" };
  }
  return status === undefined ? undefined : ofStatus(status);
};

const CUT: Verdict = { code: "MODEL_STREAM_CUT", what: "ended its answer before it was finished" };

/** Errors of the provider's package itself, by the name they carry in every copy and version of it. */
const ofName = (name: string, message: string): Verdict | undefined => {
  switch (name) {
    case "AI_LoadAPIKeyError":
    case "AI_LoadSettingError":
      return { code: "MODEL_NOT_CONFIGURED", what: "is not configured", hint: message };
    case "AI_InvalidResponseDataError":
      if (/without a finish reason/i.test(message)) return CUT;
      return { code: "MODEL_RESPONSE_INVALID", what: "sent an answer that cannot be read" };
    case "AI_JSONParseError":
    case "AI_TypeValidationError":
    case "AI_EmptyResponseBodyError":
    case "AI_NoContentGeneratedError":
      return { code: "MODEL_RESPONSE_INVALID", what: "sent an answer that cannot be read" };
    case "AI_UnsupportedFunctionalityError":
    case "AI_InvalidPromptError":
    case "AI_InvalidArgumentError":
    case "AI_NoSuchModelError":
    case "AI_NoSuchProviderReferenceError":
      return { code: "MODEL_REQUEST_REJECTED", what: "cannot take this request" };
    default:
      return undefined;
  }
};

const NETWORK = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EPIPE",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);

const isNetworkCode = (code: unknown): boolean =>
  typeof code === "string" &&
  (NETWORK.has(code) || code.startsWith("UND_ERR_") || code.startsWith("ERR_TLS_"));

/** Whether the error, or what caused it, comes from the connection and not from the provider. */
const isNetwork = (error: unknown): boolean => {
  let current = error;
  for (let depth = 0; depth < 8 && current !== undefined && current !== null; depth += 1) {
    const message = readMember(current, "message");
    if (isNetworkCode(readMember(current, "code"))) return true;
    if (message === "fetch failed" || message === "terminated") return true;
    current = readMember(current, "cause");
  }
  return false;
};

const UNREACHABLE: Verdict = { code: "MODEL_UNAVAILABLE", what: "could not be reached" };

const judge = (error: unknown, reply: ProviderReply, isStreaming: boolean): Verdict => {
  const name = readMember(error, "name");
  const named = typeof name === "string" ? ofName(name, reply.message) : undefined;
  if (named !== undefined) return named;
  const isBegun = isStreaming || (reply.status !== undefined && reply.status < 400);
  if (isNetwork(error)) return isBegun ? CUT : UNREACHABLE;
  const said = judgeReply(reply);
  if (said !== undefined) return said;
  if (name === "AI_APICallError") return isBegun ? CUT : UNREACHABLE;
  // An error part without a name we know: the provider had begun, and says it cannot go on.
  if (isStreaming) return { code: "MODEL_UNAVAILABLE", what: "failed in the middle of its answer" };
  return { code: "MODEL_REQUEST_REJECTED", what: "could not be called" };
};

const REQUEST_ID_HEADERS = ["x-request-id", "request-id", "x-amzn-requestid", "x-goog-request-id"];

const detailsOf = (reply: ProviderReply, call: FailedCall): JsonObject => {
  const requestId = REQUEST_ID_HEADERS.map((name) => reply.headers[name]).find((id) => id !== undefined);
  return {
    provider: call.provider,
    modelId: call.modelId,
    ...(reply.status === undefined ? {} : { status: reply.status }),
    ...(reply.codes.length === 0
      ? {}
      : { codes: reply.codes.map((code) => redactMessage(code, call.secrets)) }),
    ...(requestId === undefined ? {} : { requestId }),
  };
};

/**
 * Types whatever a provider's package threw or streamed as an error (M3).
 * The original is not kept as `cause`: it holds the whole prompt (O2).
 */
export const toModelCallError = (error: unknown, call: FailedCall): ModelCallError => {
  if (isHoldfastError(error)) {
    return error instanceof ModelCallError
      ? error
      : new ModelCallError(error.code, error.message, { cause: error });
  }
  const reply = readReply(error);
  const verdict = judge(error, reply, call.isStreaming);
  const words = verdict.code === "MODEL_UNAUTHORIZED" ? "" : redactMessage(reply.message, call.secrets);
  const retryAfterMs = readRetryAfter(reply.headers, reply.body);
  return new ModelCallError(
    verdict.code,
    `${call.provider} ${verdict.what}${words === "" ? "." : `: ${words}`}`,
    {
      details: detailsOf(reply, call),
      ...(verdict.hint === undefined ? {} : { hint: redactMessage(verdict.hint, call.secrets) }),
      ...(verdict.retryable === undefined ? {} : { retryable: verdict.retryable }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
  );
};
