import type { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { isHoldfastError, ToolError } from "../../core/errors.ts";
import { codeOf } from "../../definitions/pinned-addresses.ts";
import { refused } from "../../definitions/refused.ts";
import { untilAborted } from "../../definitions/until-aborted.ts";
import { checkUrl } from "./check-url.ts";
import { parseContentType, type ContentType } from "./content-type.ts";
import type { FetchSettings } from "./fetch-settings.ts";
import { pinnedConnector } from "./pinned-connector.ts";
import { ACCEPT_ENCODING, letGo, readBody, tooLong } from "./read-body.ts";
import { failedStatus } from "./failed-status.ts";

/** An answer that was read to its end. */
export type Fetched = {
  /** Where the last redirect led. */
  readonly url: URL;
  readonly status: number;
  readonly contentType: ContentType;
  readonly contentLength: string | null;
  readonly lastModified: string | null;
  /** Unpacked; empty for HEAD. */
  readonly bytes: Uint8Array;
};

export type FetchRequest = {
  readonly url: string;
  readonly method: "GET" | "HEAD";
  readonly signal: AbortSignal;
  readonly settings: FetchSettings;
};

/**
 * Fetches a URL, following redirects by hand: each is judged like the first, and none leads from https to http. Every request has a
 * connection of its own, which ends with it; no cookie, cache, proxy or credential is known to it.
 *
 * @throws ToolError when it is refused, does not come about, is too long, or answers with a status from 400 on.
 */
export const fetchPage = async (request: FetchRequest): Promise<Fetched> => {
  const { signal } = request;
  signal.throwIfAborted();
  try {
    // A name server that does not answer knows of no signal.
    const fetched = await untilAborted(signal, follow(request));
    if (fetched === "aborted") throw signal.reason;
    return fetched;
  } catch (thrown) {
    if (signal.aborted || isHoldfastError(thrown)) throw thrown;
    throw notFetched(thrown);
  }
};

const follow = async (request: FetchRequest): Promise<Fetched> => {
  const { settings } = request;
  let url = checkUrl(request.url, settings);
  for (let redirects = 0; redirects <= settings.maxRedirects; redirects += 1) {
    const answer = await fetchOnce(url, request);
    if ("bytes" in answer) return answer;
    url = nextUrl(answer.location, url, settings);
  }
  throw refused("redirect", `More than ${settings.maxRedirects} redirects were not followed.`);
};

const fetchOnce = async (
  url: URL,
  request: FetchRequest,
): Promise<Fetched | { readonly location: string }> => {
  const { Agent, buildConnector } = await import("undici");
  const agent = new Agent({ connect: pinnedConnector(buildConnector, request), connections: 1 });
  const stop = (): void => void agent.destroy();
  request.signal.addEventListener("abort", stop, { once: true });
  try {
    const answer = await ask(agent, url, request);
    const location = locationOf(answer);
    if (location === null) return await read(answer, url, request);
    letGo(answer.body);
    return { location };
  } finally {
    request.signal.removeEventListener("abort", stop);
    await agent.destroy();
  }
};

const ask = (agent: Dispatcher, url: URL, { method, signal, settings }: FetchRequest) =>
  agent.request({
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method,
    signal,
    headers: {
      "user-agent": settings.userAgent,
      accept:
        "text/html, application/xhtml+xml, text/*;q=0.9, application/json;q=0.9, application/xml;q=0.8, */*;q=0.5",
      "accept-encoding": ACCEPT_ENCODING,
    },
  });

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

const locationOf = ({ statusCode, headers }: Dispatcher.ResponseData): string | null =>
  REDIRECTS.includes(statusCode) ? headerOf(headers, "location") : null;

const nextUrl = (location: string, from: URL, settings: FetchSettings): URL => {
  const url = checkUrl(location, settings, from);
  if (from.protocol === "https:" && url.protocol === "http:") {
    throw refused("redirect", "A redirect from https to http was not followed.");
  }
  return url;
};

const read = async (answer: Dispatcher.ResponseData, url: URL, request: FetchRequest): Promise<Fetched> => {
  const { settings, method } = request;
  const { headers, statusCode: status } = answer;
  const contentType = parseContentType(headerOf(headers, "content-type") ?? "");
  const contentLength = headerOf(headers, "content-length");
  const body: Readable = answer.body;
  const encoding = headerOf(headers, "content-encoding") ?? "";
  const about = { url, status, contentType };
  if (status >= 400) throw await failedStatus({ ...about, headers, body, encoding });
  if (method === "HEAD") {
    letGo(body);
  } else {
    checkKind(contentType, body, settings);
    if (Number(contentLength ?? 0) > settings.maxBytes) throw closing(body, tooLong(settings.maxBytes));
  }
  const bytes =
    method === "HEAD" ? new Uint8Array() : await readBody(body, { encoding, maxBytes: settings.maxBytes });
  return { ...about, contentLength, lastModified: headerOf(headers, "last-modified"), bytes };
};

const checkKind = (
  { kind, mediaType }: ContentType,
  body: Readable,
  { savesOthers }: FetchSettings,
): void => {
  if (kind !== "other" || savesOthers) return;
  throw closing(
    body,
    new ToolError(
      `This is ${mediaType === "" ? "of no known type" : mediaType}, and only text, HTML, JSON and XML are read here.`,
      {
        executed: false,
        retryable: false,
        hint: 'Set "otherTypes" of fetchTool to "save" to have such files put into the workspace.',
        details: { reason: "content-type", contentType: mediaType },
      },
    ),
  );
};

const closing = (body: Readable, error: ToolError): ToolError => {
  letGo(body);
  return error;
};

/** The first value of a header; null where there is none. */
const headerOf = (headers: Dispatcher.ResponseData["headers"], name: string): string | null => {
  const value = headers[name];
  return (typeof value === "string" ? value : value?.[0]) ?? null;
};

/** What went wrong on the way, by its code alone: messages of sockets hold addresses. */
const notFetched = (thrown: unknown): ToolError =>
  new ToolError(`The page could not be fetched (${codeOf(thrown)}).`, {
    retryable: !/^(?:ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|Z_|ERR_SSL_)/.test(codeOf(thrown)),
    details: { reason: "network", code: codeOf(thrown) },
  });
