import { toJournalValue } from "./journal-value.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";

/** Every code a failure or an error of this package can carry. Each has a page in docs/errors. */
export const FAILURE_CODES = [
  // model calls
  "MODEL_UNAVAILABLE",
  "MODEL_RATE_LIMITED",
  "MODEL_FIRST_TOKEN_TIMEOUT",
  "MODEL_GAP_TIMEOUT",
  "MODEL_TIMEOUT",
  "MODEL_STREAM_CUT",
  "MODEL_RESPONSE_INVALID",
  "MODEL_REQUEST_REJECTED",
  "MODEL_UNAUTHORIZED",
  "MODEL_CONTEXT_OVERFLOW",
  "MODEL_REFUSED",
  "MODEL_CALL_LOST",
  "MODEL_CALL_CANCELLED",
  "MODEL_PACKAGE_MISSING",
  "MODEL_NOT_CONFIGURED",
  // tool calls
  "TOOL_UNKNOWN",
  "TOOL_INPUT_INVALID",
  "TOOL_OUTPUT_INVALID",
  "TOOL_UNAVAILABLE",
  "TOOL_BUSY",
  "TOOL_FAILED",
  "TOOL_TIMEOUT",
  "TOOL_CRASHED",
  "TOOL_CANCELLED",
  "TOOL_NOT_RUN",
  "TOOL_DENIED",
  "TOOL_CALL_LOST",
  "TOOL_OUTCOME_UNKNOWN",
  "AGENT_TOO_DEEP",
  "UNDO_NOT_POSSIBLE",
  "ARTIFACT_INVALID",
  "ARTIFACT_TOO_LARGE",
  "TOOL_PACKAGE_MISSING",
  "MCP_SERVER_FAILED",
  "MCP_TOOL_CHANGED",
  "SANDBOX_UNAVAILABLE",
  "BROWSER_UNAVAILABLE",
  // runs
  "RUN_CANCELLED",
  "RUN_TIMEOUT",
  "RUN_MAX_TURNS",
  "RUN_MAX_TOOL_CALLS",
  "RUN_LOOPING",
  "BUDGET_EXCEEDED",
  "PRICE_UNKNOWN",
  "RUN_SUSPENDED",
  "RUN_ACTIVE",
  "OUTPUT_INVALID",
  "STREAM_INTERRUPTED",
  // callers
  "OPTION_INVALID",
  "OPTION_NOT_AVAILABLE",
  "DEFINITION_INVALID",
  "AGENT_FILE_INVALID",
  "AGENT_NOT_FOUND",
  "SESSION_NOT_FOUND",
  "RUN_NOT_FOUND",
  "RUN_NOT_OPEN",
  "CALL_NOT_FOUND",
  "SCHEDULE_NOT_FOUND",
  "DELIVERY_NOT_FOUND",
  "ARTIFACT_NOT_FOUND",
  "MEMORY_NOT_FOUND",
  "MEMORY_SUPERSEDED",
  "USER_NOT_FOUND",
  "CALL_NOT_WAITING",
  "APPROVAL_NOT_FOUND",
  "APPROVAL_NOT_WAITING",
  "APPROVER_REFUSED",
  "RESULT_INVALID",
  "IDEMPOTENCY_CONFLICT",
  "SECRET_NOT_FOUND",
  "RUNTIME_CLOSED",
  // deliveries
  "DELIVERY_FAILED",
  // stores
  "STORE_UNAVAILABLE",
  "STORE_DAMAGED",
  "STORE_FORMAT_UNSUPPORTED",
  "JOURNAL_INVALID",
  // ours
  "INTERNAL",
] as const;

export type FailureCode = (typeof FAILURE_CODES)[number];

/** An error as data: what is stored, sent and shown. */
export type Failure = {
  readonly code: FailureCode;
  /** One sentence, safe for a stranger to read. */
  readonly message: string;
  /** Whether trying the same thing again may work. */
  readonly retryable: boolean;
  /** What the developer can do about it. */
  readonly hint?: string;
  readonly details?: JsonObject;
  readonly cause?: Failure;
};

const RETRYABLE: ReadonlySet<FailureCode> = new Set<FailureCode>([
  "MODEL_UNAVAILABLE",
  "MODEL_RATE_LIMITED",
  "MODEL_FIRST_TOKEN_TIMEOUT",
  "MODEL_GAP_TIMEOUT",
  "MODEL_TIMEOUT",
  "MODEL_STREAM_CUT",
  "MODEL_RESPONSE_INVALID",
  "MODEL_CONTEXT_OVERFLOW",
  "MODEL_CALL_LOST",
  "TOOL_UNAVAILABLE",
  "TOOL_BUSY",
  "TOOL_FAILED",
  "TOOL_TIMEOUT",
  "TOOL_CRASHED",
  "TOOL_CALL_LOST",
  "MCP_SERVER_FAILED",
  "DELIVERY_FAILED",
  "STORE_UNAVAILABLE",
]);

/** Whether failures of this code are worth another attempt unless their maker says otherwise. */
export const isRetryableCode = (code: FailureCode): boolean => RETRYABLE.has(code);

export const failure = (
  code: FailureCode,
  message: string,
  more: Partial<Pick<Failure, "retryable" | "hint" | "details" | "cause">> = {},
): Failure => ({
  code,
  message,
  retryable: more.retryable ?? isRetryableCode(code),
  ...(more.hint === undefined ? {} : { hint: more.hint }),
  ...(more.details === undefined ? {} : { details: more.details }),
  ...(more.cause === undefined ? {} : { cause: more.cause }),
});

const KNOWN_CODES: ReadonlySet<string> = new Set(FAILURE_CODES);

export const isFailureCode = (value: unknown): value is FailureCode =>
  typeof value === "string" && KNOWN_CODES.has(value);

const MAX_MESSAGE_CHARS = 2_000;
const MAX_CAUSES = 4;

const shortened = (text: string): string =>
  (text.length > MAX_MESSAGE_CHARS ? `${text.slice(0, MAX_MESSAGE_CHARS)}…` : text).toWellFormed();

const messageOf = (thrown: unknown): string => {
  try {
    return shortened(String(thrown instanceof Error ? thrown.message || thrown.name : thrown));
  } catch {
    return "a value was thrown that cannot be read";
  }
};

/** The cause of a thrown value, where reading it does not itself throw. */
const causeOf = (thrown: unknown): unknown => {
  try {
    return thrown instanceof Error ? thrown.cause : undefined;
  } catch {
    return undefined;
  }
};

const ownFailure = (thrown: unknown): Failure | undefined => {
  try {
    if (!(thrown instanceof Error) || !("failure" in thrown)) return undefined;
    return readFailure(toJournalValue(thrown.failure).value);
  } catch {
    return undefined;
  }
};

/** A failure somebody made elsewhere: kept as far as it is one, and always plain data. */
const readFailure = (value: JsonValue): Failure | undefined => {
  if (!isJsonObject(value)) return undefined;
  const { code, message, retryable, hint, details, cause } = value;
  if (!isFailureCode(code) || typeof message !== "string") return undefined;
  const before = cause === undefined ? undefined : readFailure(cause);
  return failure(code, shortened(message), {
    ...(typeof retryable === "boolean" ? { retryable } : {}),
    ...(typeof hint === "string" ? { hint: shortened(hint) } : {}),
    ...(details !== undefined && isJsonObject(details) ? { details } : {}),
    ...(before === undefined ? {} : { cause: before }),
  });
};

/**
 * Turns anything thrown into a failure. Total: it never throws, whatever it is given.
 * Values that already carry a failure keep it; others get `code` and their own message.
 */
export const toFailure = (thrown: unknown, code: FailureCode = "INTERNAL", depth = 0): Failure => {
  const own = ownFailure(thrown);
  if (own !== undefined) return own;
  const cause = causeOf(thrown);
  return failure(
    code,
    messageOf(thrown),
    cause === undefined || depth >= MAX_CAUSES ? {} : { cause: toFailure(cause, "INTERNAL", depth + 1) },
  );
};
