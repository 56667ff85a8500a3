import { ToolError } from "../../core/errors.ts";
import type { Proof } from "./authorise.ts";
import type { ApiRequest } from "./build-request.ts";
import { fetchWithBody, needsHttp } from "./fetch-with-body.ts";
import { encodeStrictly } from "./serialise-value.ts";

/** Failures of a connection that was never made: nothing has been sent (E2). */
const NOT_CONNECTED: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** Sends a request with what proves who asks; redirects are not followed, so that goes nowhere else. */
export const sendRequest = async (
  request: ApiRequest,
  proof: Proof,
  { what, signal }: { readonly what: string; readonly signal: AbortSignal },
): Promise<Response> => {
  if (signal.aborted)
    throw new ToolError(`${what} was not sent: it was stopped before.`, { executed: false });
  const url = new URL(request.url);
  const query = proof.query.map(([name, value]) => `${encodeStrictly(name)}=${encodeStrictly(value)}`);
  if (query.length > 0) url.search = [url.search.slice(1), ...query].filter((part) => part !== "").join("&");
  const { method, body } = request;
  const headers = headersOf(request, proof, what);
  try {
    if (needsHttp(method, body)) return await fetchWithBody(url, { method, headers, body, signal });
    return await fetch(url, { method, headers, body, redirect: "manual", signal });
  } catch (thrown) {
    throw connectionFailure(thrown, what);
  }
};

const headersOf = (request: ApiRequest, proof: Proof, what: string): Headers => {
  const cookies = [
    ...request.cookies,
    ...proof.cookies.map(([name, value]) => `${encodeStrictly(name)}=${encodeStrictly(value)}`),
  ];
  try {
    const headers = new Headers([...request.headers]);
    if (cookies.length > 0) headers.set("cookie", cookies.join("; "));
    for (const [name, value] of proof.headers) headers.set(name, value);
    return headers;
  } catch {
    throw new ToolError(`${what} was not sent: a header has a name or a value that no header can have.`, {
      executed: false,
      retryable: false,
    });
  }
};

const connectionFailure = (thrown: unknown, what: string): ToolError => {
  const code = codeOf(thrown);
  // The client's own word on what it was given, before it connects.
  if (code === "UND_ERR_INVALID_ARG")
    return new ToolError(`${what} was not sent: a header has a value that does not fit the request.`, {
      executed: false,
      retryable: false,
    });
  if (code !== undefined && NOT_CONNECTED.has(code))
    return new ToolError(`${what} was not sent: the API could not be reached (${code}).`, {
      executed: false,
    });
  if (code !== undefined && /CERT|SELF_SIGNED|TLS|SSL|UNABLE_TO/.test(code)) {
    return new ToolError(`${what} was not sent: the API's certificate is not trusted (${code}).`, {
      executed: false,
      retryable: false,
    });
  }
  return new ToolError(
    `${what}: the connection broke before there was an answer${code === undefined ? "" : ` (${code})`}.`,
  );
};

/** `fetch` puts the reason under its error; where several addresses were tried, under each of them. */
const codeOf = (thrown: unknown): string | undefined => {
  const cause: unknown = thrown instanceof Error ? (thrown.cause ?? thrown) : undefined;
  if (cause === undefined || cause === null || typeof cause !== "object") return undefined;
  if ("code" in cause && typeof cause.code === "string") return cause.code;
  if ("errors" in cause && Array.isArray(cause.errors)) {
    const first: unknown = cause.errors[0];
    return typeof first === "object" && first !== null && "code" in first ? String(first.code) : undefined;
  }
  return undefined;
};
