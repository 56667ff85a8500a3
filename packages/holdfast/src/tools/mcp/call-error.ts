import { isHoldfastError } from "../../core/errors.ts";
import { CUT_OFF } from "./http-transport.ts";
import type { Sdk } from "./load-sdk.ts";
import { McpError } from "./mcp-error.ts";

/** JSON-RPC: the request was not understood, or is of nothing that there is; so nothing was done. */
const REFUSED: ReadonlySet<number> = new Set([-32_700, -32_600, -32_601]);

/** Servers say this of what they were given, but also of an answer of their own that is not as it should be. */
const INVALID_PARAMS = -32_602;
/** What they say of the input for certain, before a tool runs; the SDK puts its own words in front. */
const OF_INPUT =
  /^(MCP error -32602: )?(Input validation error: |Invalid arguments for tool |Unknown tool: |Tool [^\s]+ (not found|disabled)$)/;

/** What keeps a connection from being made, so that nothing was sent. */
const NOT_CONNECTED: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

const MAX_CHARS = 500;

/** What happened to a request, in our words; `executed: false` only where the server certainly did not act (E2). */
export const toMcpError = (
  thrown: unknown,
  where: { readonly sdk: Sdk; readonly name: string; readonly hint?: string },
): McpError => {
  const { sdk, name, hint } = where;
  const server = `The MCP server "${name}"`;
  const more = { cause: thrown, ...(hint === undefined || hint === "" ? {} : { hint }) };
  if (thrown instanceof McpError) return thrown;
  const told = causeOfOurs(thrown);
  if (told !== undefined) return told;
  if (sdk.SdkHttpError.isInstance(thrown)) return httpError(thrown.status, server, more);
  if (sdk.ProtocolError.isInstance(thrown)) {
    if (thrown.code === CUT_OFF) return new McpError(`${server} was cut off before it answered.`, more);
    const isRefused =
      REFUSED.has(thrown.code) ||
      (thrown.code === INVALID_PARAMS && OF_INPUT.test(thrown.message)) ||
      thrown instanceof sdk.MissingRequiredClientCapabilityError;
    return new McpError(`${server} answered with an error: ${cut(thrown.message)}`, {
      ...more,
      ...(isRefused ? { executed: false, retryable: false } : {}),
    });
  }
  if (sdk.UnauthorizedError.isInstance(thrown)) return httpError(401, server, more);
  if (sdk.SdkError.isInstance(thrown)) return sdkError(sdk, thrown, { server, more });
  if (NOT_CONNECTED.has(codeOf(thrown)))
    return new McpError(`${server} cannot be reached.`, { ...more, executed: false });
  return new McpError(
    `${server} failed: ${cut(thrown instanceof Error ? thrown.message : String(thrown))}`,
    more,
  );
};

type More = { readonly cause: unknown; readonly hint?: string };

const httpError = (status: number, server: string, more: More): McpError => {
  if (status === 401 || status === 403)
    return new McpError(`${server} refused the credentials (HTTP ${status}).`, {
      hint: "Check headers or auth of mcpTools.",
      ...more,
      executed: false,
      retryable: false,
    });
  // A refusal, which is not an action; but 408 is sent in the middle of things.
  const isRefused = status >= 400 && status < 500 && status !== 408;
  return new McpError(`${server} answered with HTTP ${status}.`, {
    ...more,
    ...(isRefused ? { executed: false, retryable: status === 429 || status === 404 } : {}),
  });
};

const sdkError = (
  sdk: Sdk,
  error: InstanceType<Sdk["SdkError"]>,
  { server, more }: { readonly server: string; readonly more: More },
): McpError => {
  switch (error.code) {
    case sdk.SdkErrorCode.NotConnected:
    case sdk.SdkErrorCode.CapabilityNotSupported:
    case sdk.SdkErrorCode.MethodNotSupportedByProtocolVersion:
      return new McpError(`${server} could not be asked: ${cut(error.message)}`, {
        ...more,
        executed: false,
      });
    case sdk.SdkErrorCode.ConnectionClosed:
      return new McpError(`${server} ended before it answered.`, more);
    case sdk.SdkErrorCode.RequestTimeout:
      return new McpError(`${server} did not answer in time.`, more);
    case sdk.SdkErrorCode.InvalidResult:
      return new McpError(`${server} answered with what is no valid result: ${cut(error.message)}`, {
        ...more,
        retryable: false,
      });
    default:
      return new McpError(`${server} failed: ${cut(error.message)}`, more);
  }
};

/** An error of ours, or the one that it was made into a cause of on its way through streams. */
const causeOfOurs = (thrown: unknown): McpError | undefined => {
  let error = thrown;
  for (let depth = 0; depth < 4 && error instanceof Error; depth += 1) {
    if (error instanceof McpError && isHoldfastError(error)) return error;
    error = error.cause;
  }
  return undefined;
};

const codeOf = (thrown: unknown): unknown => {
  const cause = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown;
  return typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
};

const cut = (text: string): string => (text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text);
