import type { Socket } from "node:net";
import type { Connection, PrepareStatementInfo } from "mysql2";
import { HoldfastError, ToolError } from "../../core/errors.ts";
import type { PooledConnection } from "./sql-connections.ts";

/** How long a server that was told to stop may be silent, before its connection is given up. */
const PATIENCE_MS = 1_000;
/** How long a connection that nobody uses stays open. */
const IDLE_MS = 10_000;

export type MysqlRow = readonly unknown[];
/** What a statement without rows answers. */
export type MysqlDone = { readonly affectedRows: number; readonly warningStatus: number };
/** What the server says of a statement that it has only prepared, and mysql2 does not declare. */
export type MysqlPrepared = PrepareStatementInfo & {
  readonly columns: readonly unknown[];
  readonly parameters: readonly unknown[];
};

type ConnectionOptions = {
  /** Of the database, for errors. */
  readonly name: string;
  /** Makes one that is not connected yet, which gives up after so many milliseconds. */
  readonly make: (connectMs: number) => Connection;
  readonly onEnd: () => void;
};

/** How long a server may take to let somebody in. */
const CONNECT_MS = 10_000;

/** One connection to a MySQL or MariaDB server, which ends when it is told to, whatever the other side does. */
export class MysqlConnection implements PooledConnection {
  readonly client: Connection;
  readonly #options: ConnectionOptions;
  readonly #ended = Promise.withResolvers<never>();
  #room = Number.POSITIVE_INFINITY;
  #reason: unknown = null;
  #isEnded = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.client = options.make(CONNECT_MS);
    this.#ended.promise.catch(() => undefined);
    // An event that nobody listens to would end this process.
    this.client.on("error", (reason: unknown) => {
      this.#reason ??= reason;
      if (isFatal(reason)) this.#socket.destroy();
    });
    this.#socket.once("close", () => this.#end());
  }

  get isOpen(): boolean {
    return !this.#isEnded && !this.#socket.destroyed;
  }

  async connect(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<null>();
    this.client.connect((reason) => (reason === null ? resolve(null) : reject(reason)));
    await this.untilEnded(promise);
    this.#socket.once("close", () => this.#end());
    this.#socket.on("timeout", () => this.destroy());
    this.#socket.on("data", (chunk: Buffer) => this.#count(chunk.byteLength));
  }

  /** Of the library's own text, never of a model's. */
  ask(sql: string): Promise<readonly MysqlRow[] & Partial<MysqlDone>> {
    return new Promise((resolve, reject) => {
      this.client.query(sql, (reason, rows) =>
        reason === null ? resolve(rows as readonly MysqlRow[] & Partial<MysqlDone>) : reject(reason),
      );
    });
  }

  /** Has the server read a statement and say what it would answer; it takes one, and runs nothing (Q1). */
  prepare(sql: string): Promise<MysqlPrepared> {
    return new Promise((resolve, reject) => {
      this.client.prepare(sql, (reason, prepared) =>
        reason === null ? resolve(prepared as MysqlPrepared) : reject(reason),
      );
    });
  }

  /** Whatever a statement has left in the connection is not for the next one: settings, locks, temporary tables. */
  reset(): Promise<null> {
    return new Promise((resolve, reject) => {
      this.client.reset((reason) => (reason ? reject(reason) : resolve(null)));
    });
  }

  /** From here on no more than so many bytes are taken from the server: one value could fill all memory. */
  allow(bytes: number): void {
    this.#room = bytes;
  }

  rest(): void {
    this.#room = Number.POSITIVE_INFINITY;
    this.#socket.setTimeout(IDLE_MS);
  }

  wake(): void {
    this.#socket.setTimeout(0);
  }

  /** What comes of the work; or why the connection ended, which not everything in it is told. */
  async untilEnded<Value>(work: Promise<Value>): Promise<Value> {
    try {
      return await Promise.race([work, this.#ended.promise]);
    } finally {
      work.catch(() => undefined);
    }
  }

  /** Ends the statement in the server (Q4) and waits for it; a server that says nothing is waited for no longer than a second. */
  async cancel(work: Promise<unknown>): Promise<void> {
    this.#socket.setTimeout(PATIENCE_MS);
    await Promise.all([this.killQuery(), work.catch(() => undefined)]);
  }

  /** Over a connection of its own; comes back when the server has done it, or is silent. */
  async killQuery(): Promise<void> {
    const id = this.client.threadId as number | null;
    if (id === null || this.#isEnded) return;
    const other = this.#options.make(PATIENCE_MS);
    const socket = socketOf(other);
    const { promise, resolve } = Promise.withResolvers<null>();
    other.on("error", () => socket.destroy());
    socket.once("close", () => resolve(null));
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    other.query(`KILL QUERY ${Number(id)}`, () => resolve(null));
    await promise;
    socketOf(other).destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async end(): Promise<void> {
    if (this.#isEnded) return;
    await this.killQuery();
    this.destroy();
    await this.#ended.promise.catch(() => undefined);
  }

  /** Another one after TLS has begun. */
  get #socket(): Socket {
    return socketOf(this.client);
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#options.onEnd();
    this.#ended.reject(this.#reason ?? new HoldfastError("TOOL_FAILED", "the connection ended"));
  }

  #count(bytes: number): void {
    this.#room -= bytes;
    if (this.#room >= 0 || this.#socket.destroyed) return;
    const message = `${this.#options.name}: the answer is far longer than can be shown, and was stopped. Ask for fewer columns or rows.`;
    // What was not committed is undone with its connection.
    this.#reason = new ToolError(message, { executed: false, retryable: false });
    this.#socket.destroy();
  }
}

const isFatal = (reason: unknown): boolean =>
  typeof reason === "object" && reason !== null && "fatal" in reason && reason.fatal === true;

/** mysql2 does not declare it. */
const socketOf = (client: Connection): Socket => (client as Connection & { readonly stream: Socket }).stream;
