import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type {
  FetchLike,
  JSONRPCMessage,
  StreamableHTTPClientTransport,
  TransportSendOptions,
} from "@modelcontextprotocol/client";
import { boundBody } from "./bounded-body.ts";
import type { Sdk } from "./load-sdk.ts";
import type { McpCaller, McpHttpServer, PerCaller } from "./mcp-options.ts";

/** How a server is reached. */
export type HttpSettings = {
  readonly name: string;
  readonly target: McpHttpServer & { readonly url: URL };
  readonly caller: McpCaller;
  readonly maxMessageBytes: number;
};

/** JSON-RPC code, of the range for implementations, of an answer that we make when the server's ended without one. */
export const CUT_OFF = -32_098;

/** Longest time given to a server to take note that its session is over. */
const GOODBYE_MS = 2_000;

export const textsFor = async (
  texts: PerCaller | undefined,
  caller: McpCaller,
): Promise<Readonly<Record<string, string>>> => (typeof texts === "function" ? texts(caller) : (texts ?? {}));

/** Streamable HTTP, with our headers and limits, and an answer for each request whose stream ends without one. */
export const makeHttpTransport = (sdk: Sdk, settings: HttpSettings): StreamableHTTPClientTransport => {
  const { target } = settings;
  const transport = new sdk.StreamableHTTPClientTransport(target.url, {
    fetch: boundedFetch(settings),
    ...(target.auth === undefined ? {} : { authProvider: target.auth }),
    ...(target.allowIssuerMismatch === true ? { skipIssuerMetadataValidation: true } : {}),
  });
  const send = transport.send.bind(transport);
  transport.send = (message, options) =>
    send(message, { ...options, onRequestStreamEnd: () => answerCutOff(transport, message, options) });
  return transport;
};

/** What has been answered knows nothing of this id any more, and drops it. */
const answerCutOff = (
  transport: StreamableHTTPClientTransport,
  message: JSONRPCMessage | JSONRPCMessage[],
  options: TransportSendOptions | undefined,
): void => {
  options?.onRequestStreamEnd?.();
  if (!("method" in message) || !("id" in message)) return;
  const error = { code: CUT_OFF, message: "The connection ended before the answer." };
  transport.onmessage?.({ jsonrpc: "2.0", id: message.id, error });
};

const boundedFetch =
  ({ name, target, caller, maxMessageBytes }: HttpSettings): FetchLike =>
  async (url, init) => {
    const isOurs = new URL(String(url)).href === target.url.href;
    const headers = new Headers(init?.headers);
    // Only for the server itself: where it sends us to log in gets none of them.
    const own = isOurs ? await textsFor(target.headers, caller) : {};
    for (const [header, value] of Object.entries(own)) headers.set(header, value);
    const response = await fetch(url, { ...init, headers });
    return boundBody(response, { name, maxBytes: maxMessageBytes });
  };

/** Tells the server that its session is over, and does not wait long. Never rejects. */
export const sayGoodbye = async (
  { target, caller }: HttpSettings,
  {
    sessionId,
    protocolVersion,
  }: { readonly sessionId: string; readonly protocolVersion: string | undefined },
): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const headers = {
    ...(await textsFor(target.headers, caller)),
    "mcp-session-id": sessionId,
    ...(protocolVersion === undefined ? {} : { "mcp-protocol-version": protocolVersion }),
  };
  const request = target.url.protocol === "https:" ? requestHttps : requestHttp;
  const goodbye = request(
    target.url,
    { method: "DELETE", headers, timeout: GOODBYE_MS, agent: false },
    () => {
      goodbye.destroy();
    },
  );
  goodbye.once("timeout", () => goodbye.destroy());
  goodbye.once("error", () => resolve());
  goodbye.once("close", resolve);
  goodbye.end();
  await promise;
};
