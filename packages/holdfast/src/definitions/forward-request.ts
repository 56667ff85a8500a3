import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import type { Place } from "./network-rules.ts";
import { refused } from "./refused.ts";

/** Headers that are of one connection, and go no further than that. */
const OF_A_CONNECTION = [
  "connection",
  "expect",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/**
 * Where a request to a proxy is to go: by CONNECT with a host and port, by anything else with a whole `http:` URL.
 *
 * @throws ToolError when it is neither.
 */
export const placeOfRequest = (request: IncomingMessage): Place => {
  const url = request.method === "CONNECT" ? urlOfTunnel(request.url ?? "") : urlOf(request.url ?? "");
  if (url === null || url.hostname === "") throw refused("url", "This is a proxy, and names no host itself.");
  if (url.username !== "" || url.password !== "")
    throw refused("url", "A URL with a user name or password in it is not asked for.");
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return { host, port: url.port === "" ? 80 : Number(url.port) };
};

const urlOfTunnel = (authority: string): URL | null =>
  /^[^\s/\\?#@]+:\d+$/.test(authority) ? URL.parse(`http://${authority}`) : null;

const urlOf = (target: string): URL | null => {
  const url = /^http:\/\//i.test(target) ? URL.parse(target) : null;
  return url?.protocol === "http:" ? url : null;
};

export type Forwarding = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Connected to the place that the request is for. */
  readonly outside: Socket;
  readonly onReceived: (bytes: number) => void;
};

/** Sends a request of plain HTTP on over a connection of its own, and gives back what is answered. */
export const forwardRequest = async (forwarding: Forwarding): Promise<void> => {
  const { request, response, outside, onReceived } = forwarding;
  try {
    // All that comes counts, and not the body alone: a server can send the beginning of an answer without end.
    outside.on("data", (chunk: Buffer) => onReceived(chunk.length));
    const answer = await send(request, outside);
    response.writeHead(answer.statusCode ?? 502, endToEnd(answer));
    await pipeline(answer, response);
  } finally {
    outside.destroy();
  }
};

const send = async (request: IncomingMessage, outside: Socket): Promise<IncomingMessage> => {
  const url = new URL(request.url ?? "");
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const onward = httpRequest({
    createConnection: () => outside,
    method: request.method ?? "GET",
    path: `${url.pathname}${url.search}`,
    headers: ["host", url.host, ...framing(request), "connection", "close", ...endToEnd(request)],
  });
  onward.once("response", resolve);
  onward.once("error", reject);
  // Once there is an answer, what has come of it is still to be read; whether that is all of it is known to the answer itself.
  let isAnswered = false;
  onward.once("response", () => void (isAnswered = true));
  outside.once("close", () => {
    if (!isAnswered) onward.destroy();
  });
  if (hasBody(request)) pipeline(request, onward).catch(reject);
  else onward.end();
  return promise;
};

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || headers["content-length"] !== undefined;

/** A body whose length was not said goes on as one whose length is not said. */
const framing = ({ headers }: IncomingMessage): readonly string[] =>
  headers["transfer-encoding"] === undefined ? [] : ["transfer-encoding", "chunked"];

/** The headers that are not of one connection, as they were sent. */
const endToEnd = ({ rawHeaders, headers }: IncomingMessage): string[] => {
  const named = (headers.connection ?? "").toLowerCase().split(/\s*,\s*/);
  const kept: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    const isOfConnection = OF_A_CONNECTION.includes(name.toLowerCase()) || named.includes(name.toLowerCase());
    if (!isOfConnection) kept.push(name, rawHeaders[at + 1] ?? "");
  }
  return kept;
};
