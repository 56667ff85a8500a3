import { connect, type Socket } from "node:net";
import type { Client } from "pg";
import { HoldfastError, ToolError } from "../../core/errors.ts";
import type { PooledConnection } from "./sql-connections.ts";

/** How long a server that was told to stop may be silent, before its connection is given up. */
const PATIENCE_MS = 1_000;
/** How long a connection that nobody uses stays open. */
const IDLE_MS = 10_000;

/** One connection to a Postgres server, which ends when it is told to, whatever the other side does. */
export class PostgresConnection implements PooledConnection {
  readonly client: Client;
  readonly #name: string;
  #room = Number.POSITIVE_INFINITY;
  #reason: unknown = null;
  #isEnded = false;

  /** @param name - Of the database, for errors. */
  constructor(client: Client, name: string) {
    this.client = client;
    this.#name = name;
    // An event that nobody listens to would end this process.
    client.on("error", (reason) => (this.#reason ??= reason));
    client.once("end", () => (this.#isEnded = true));
  }

  get isOpen(): boolean {
    return !this.#isEnded && !this.#socket.destroyed;
  }

  async connect(): Promise<void> {
    await this.client.connect();
    this.#socket.on("timeout", () => this.destroy());
    this.#socket.on("data", (chunk: Buffer) => this.#count(chunk.byteLength));
  }

  /** From here on no more than so many bytes are taken from the server: one value could fill all memory. */
  allow(bytes: number): void {
    this.#room = bytes;
  }

  /** Nobody uses it for now. */
  rest(): void {
    this.#room = Number.POSITIVE_INFINITY;
    this.#socket.setTimeout(IDLE_MS);
  }

  /** Somebody uses it again. */
  wake(): void {
    this.#socket.setTimeout(0);
  }

  /** What comes of the work; or why the connection ended, which not everything in it is told. */
  async untilEnded<Value>(work: Promise<Value>): Promise<Value> {
    const { promise, reject } = Promise.withResolvers<never>();
    const fail = (): void => reject(this.#reason ?? new HoldfastError("TOOL_FAILED", "the connection ended"));
    this.client.once("end", fail);
    if (this.#isEnded) fail();
    try {
      return await Promise.race([work, promise]);
    } finally {
      this.client.removeListener("end", fail);
      work.catch(() => undefined);
      promise.catch(() => undefined);
    }
  }

  /** Ends the statement in the server (Q4) and waits for it; a server that says nothing is waited for no longer than a second. */
  async cancel(work: Promise<unknown>): Promise<void> {
    this.#socket.setTimeout(PATIENCE_MS);
    await Promise.all([requestCancel(this.client, this.#socket), work.catch(() => undefined)]);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Ends what it is doing, and then itself. */
  async end(): Promise<void> {
    if (this.#isEnded) return;
    const { promise, resolve } = Promise.withResolvers<null>();
    this.client.once("end", () => resolve(null));
    await requestCancel(this.client, this.#socket);
    this.destroy();
    await promise;
  }

  /** Another one after TLS has begun. */
  get #socket(): Socket {
    return this.client.connection.stream as Socket;
  }

  #count(bytes: number): void {
    this.#room -= bytes;
    if (this.#room >= 0 || this.#socket.destroyed) return;
    const message = `${this.#name}: the answer is far longer than can be shown, and was stopped. Ask for fewer columns or rows.`;
    // What was not committed is undone with its connection.
    this.#socket.destroy(new ToolError(message, { executed: false, retryable: false }));
  }
}

/** What the server tells a connection that it begins; none where another program in between does not pass it on. */
type Keys = { readonly processID: number | null; readonly secretKey: number | null };

const CANCEL_REQUEST = 80_877_102;

/** Over a connection of its own, as the protocol has it; comes back when the server has passed it on, or is silent. */
const requestCancel = async (client: Client, { remoteAddress, remotePort }: Socket): Promise<void> => {
  const { processID, secretKey } = client as Client & Keys;
  if (processID === null || secretKey === null) return;
  const { host, port } = client;
  const socket = connect({
    ...(host.startsWith("/")
      ? { path: `${host}/.s.PGSQL.${port}` }
      : { host: remoteAddress ?? host, port: remotePort ?? port }),
    timeout: PATIENCE_MS,
  });
  const { promise, resolve } = Promise.withResolvers<null>();
  socket.on("error", () => undefined);
  socket.on("timeout", () => socket.destroy());
  socket.on("close", () => resolve(null));
  socket.resume();
  const request = Buffer.alloc(16);
  [request.byteLength, CANCEL_REQUEST, processID, secretKey].forEach((word, at) =>
    request.writeInt32BE(word, at * 4),
  );
  socket.write(request);
  await promise;
};
