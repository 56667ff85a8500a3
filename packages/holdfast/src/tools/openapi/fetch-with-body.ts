import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";

/** What `fetch` does not do: a `GET` with a body, and `TRACE`. Some APIs ask for it. */
export const needsHttp = (method: string, body: unknown): boolean =>
  method === "TRACE" || (body !== null && (method === "GET" || method === "HEAD"));

type Sending = {
  readonly method: string;
  readonly headers: Headers;
  readonly body: string | Uint8Array | null;
  readonly signal: AbortSignal;
};

/** As `fetch`, with whatever method and body, and without following anything. */
export const fetchWithBody = async (
  url: URL,
  { method, headers, body, signal }: Sending,
): Promise<Response> => {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  const request = send(url, { method, headers: Object.fromEntries(headers), signal });
  request.once("error", reject);
  request.once("response", resolve);
  if (body !== null) request.setHeader("content-length", Buffer.byteLength(body));
  request.end(body ?? undefined);
  const answer = await promise;
  const status = answer.statusCode ?? 500;
  const isEmpty = status === 204 || status === 205 || status === 304 || method === "HEAD";
  if (isEmpty) answer.resume();
  const content = isEmpty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>);
  return new Response(content, { status, headers: headersOf(answer) });
};

const headersOf = ({ headersDistinct }: IncomingMessage): [string, string][] =>
  Object.entries(headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value]),
  );
