import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { isHoldfastError, ToolError } from "../core/errors.ts";
import { forwardRequest, placeOfRequest } from "./forward-request.ts";
import { checkHost, type NetworkRules, type Place } from "./network-rules.ts";
import { answerWith, codeOf, isOneOf, pinnedAddresses } from "./pinned-addresses.ts";
import { refused } from "./refused.ts";

/** A connection that was not made, and why, as whoever asked for it was told. */
export type EgressRefusal = {
  readonly host: string;
  readonly port: number;
  /** `host`, `port`, `address` or `bytes`. */
  readonly reason: string;
  readonly message: string;
};

export type EgressProxyOptions = {
  readonly rules: NetworkRules;
  /** Path of a Unix socket to listen on; by default it listens on a free port of 127.0.0.1. */
  readonly socketPath?: string;
  /** Most bytes that may come from outside, over all connections: those are ended then, and no more are made. No limit by default. */
  readonly maxBytes?: number;
  readonly onRefused?: (refusal: EgressRefusal) => void;
  /** Told of bytes as they come from outside. */
  readonly onReceived?: (bytes: number) => void;
};

const CONNECT_MS = 30_000;
const MAX_CONNECTIONS = 500;
const MAX_REFUSALS = 100;

/**
 * Opens an HTTP proxy for a process that is to reach what the rules allow, and nothing else: a browser, or code in a sandbox. It
 * speaks CONNECT and plain HTTP, looks each name up once, judges all its addresses, and connects to these very addresses. What is
 * refused is answered with 403 and the reason as text; what cannot be reached, with 502.
 */
export const openEgressProxy = async (options: EgressProxyOptions): Promise<EgressProxy> => {
  const proxy = new EgressProxy(options);
  await proxy.listen();
  return proxy;
};

/** A proxy that is open; see `openEgressProxy`. */
export class EgressProxy implements AsyncDisposable {
  readonly #options: EgressProxyOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  readonly #refused: EgressRefusal[] = [];
  #received = 0;
  #isClosed = false;

  constructor(options: EgressProxyOptions) {
    this.#options = options;
    // What goes out may take as long as it likes: whoever sends it is on this machine, and waits for nobody but itself.
    this.#server = createServer({ requestTimeout: 0 }, (request, response) => {
      void this.#forward(request, response);
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on("connection", (socket: Socket) => this.#keep(socket));
    this.#server.on("connect", (request: IncomingMessage, client: Duplex, head: Buffer) => {
      void this.#tunnel({ request, client, head });
    });
    this.#server.on("clientError", (_error, socket: Duplex) => void socket.destroy());
  }

  /** @throws Error of the system when there is no socket to be had. */
  async listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { socketPath } = this.#options;
    this.#server.once("error", reject);
    if (socketPath === undefined) this.#server.listen(0, "127.0.0.1", resolve);
    else this.#server.listen(socketPath, resolve);
    await promise;
  }

  /** Port of 127.0.0.1; null where it listens on a Unix socket. */
  get port(): number | null {
    const address = this.#server.address();
    return address === null || typeof address === "string" ? null : address.port;
  }

  /** What was refused lately, the last one last. */
  get refused(): readonly EgressRefusal[] {
    return this.#refused;
  }

  /** Bytes that have come from outside. */
  get received(): number {
    return this.#received;
  }

  /** Sockets that are open now, on both sides, without the one that listens. */
  get sockets(): number {
    return this.#sockets.size;
  }

  /** Ends all connections, and listens no more. May be called again. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#endAll();
    await promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #tunnel({ request, client, head }: Tunnel): Promise<void> {
    try {
      const place = placeOfRequest(request);
      const outside = await this.#connect(place, client);
      outside.on("data", (chunk: Buffer) => this.#count(chunk.length));
      client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      if (head.length > 0) outside.write(head);
      outside.pipe(client).pipe(outside);
      outside.once("error", () => void client.destroy());
      // Who reads slowly is given the rest of what had come.
      outside.once("close", () => client.end(() => client.destroy()));
    } catch (thrown) {
      const { status, text } = this.#answerTo(request, thrown);
      client.end(
        `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
      );
    }
  }

  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => undefined);
    try {
      const place = placeOfRequest(request);
      const outside = await this.#connect(place, request.socket);
      await forwardRequest({ request, response, outside, onReceived: (bytes) => this.#count(bytes) });
    } catch (thrown) {
      const { status, text } = this.#answerTo(request, thrown);
      if (response.headersSent) response.destroy();
      else
        response
          .writeHead(Number.parseInt(status, 10), {
            "content-type": "text/plain; charset=utf-8",
            connection: "close",
          })
          .end(text);
    }
  }

  /** @throws ToolError when it may not be connected to, or does not answer. */
  async #connect(place: Place, client: Duplex): Promise<Socket> {
    const { rules } = this.#options;
    checkHost(place, rules);
    this.#checkBytes();
    const addresses = await pinnedAddresses(place, rules);
    // An answer that comes after whoever asked has gone connects nobody any more.
    if (this.#isClosed || client.destroyed) throw new ToolError("Nobody waits for it any more.");
    const socket = connect({
      host: place.host,
      port: place.port,
      lookup: answerWith(addresses),
      autoSelectFamily: true,
      timeout: CONNECT_MS,
    });
    this.#keep(socket);
    // A client may ask for much over one connection: nobody listens to that for what is over.
    const end = (): void => void socket.destroy();
    client.once("close", end);
    socket.once("close", () => client.off("close", end));
    await untilConnected(socket, place);
    if (isOneOf(addresses, socket.remoteAddress)) return socket;
    socket.destroy();
    throw refused("address", `${place.host} answered from an address that was not looked up.`);
  }

  #checkBytes(): void {
    const { maxBytes } = this.#options;
    if (maxBytes === undefined || this.#received <= maxBytes) return;
    throw new ToolError(`More than ${maxBytes} bytes have come from outside, and no more are let through.`, {
      executed: false,
      retryable: false,
      details: { reason: "bytes" },
    });
  }

  #count(bytes: number): void {
    const { maxBytes = Number.POSITIVE_INFINITY, onReceived } = this.#options;
    this.#received += bytes;
    onReceived?.(bytes);
    if (this.#received > maxBytes) this.#endAll();
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #endAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** What somebody is told whose request did not get through; a refusal is noted. */
  #answerTo(request: IncomingMessage, thrown: unknown): { readonly status: string; readonly text: string } {
    if (!isHoldfastError(thrown))
      return { status: "502 Bad Gateway", text: `It could not be reached (${codeOf(thrown)}).\n` };
    const told = thrown.failure.details?.["reason"];
    const reason = typeof told === "string" ? told : "none";
    const text = `${thrown.message}\n`;
    if (reason === "url") return { status: "400 Bad Request", text };
    if (!REFUSALS.includes(reason)) return { status: "502 Bad Gateway", text };
    this.#note({ ...placeOfRequest(request), reason, message: thrown.message });
    return { status: "403 Forbidden", text };
  }

  #note(refusal: EgressRefusal): void {
    this.#refused.push(refusal);
    if (this.#refused.length > MAX_REFUSALS) this.#refused.shift();
    this.#options.onRefused?.(refusal);
  }
}

type Tunnel = { readonly request: IncomingMessage; readonly client: Duplex; readonly head: Buffer };

const REFUSALS: readonly string[] = ["host", "port", "address", "bytes"];

const untilConnected = async (socket: Socket, { host, port }: Place): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (why: string): void => {
    socket.destroy();
    reject(
      new ToolError(`${host}:${port} could not be reached (${why}).`, { details: { reason: "network" } }),
    );
  };
  socket.once("connect", resolve);
  socket.once("timeout", () => fail("ETIMEDOUT"));
  socket.once("error", (error) => fail(codeOf(error)));
  socket.once("close", () => fail("ECONNRESET"));
  await promise;
  // Once it is there it may be silent for as long as both sides like.
  socket.setTimeout(0);
};
