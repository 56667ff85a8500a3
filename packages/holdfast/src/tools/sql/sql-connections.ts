import { ToolError } from "../../core/errors.ts";
import { untilAborted } from "../../definitions/until-aborted.ts";

/** One connection to a server, which ends when it is told to, whatever the other side does. */
export interface PooledConnection {
  readonly isOpen: boolean;
  connect(): Promise<void>;
  /** Nobody uses it for now. */
  rest(): void;
  /** Somebody uses it again. */
  wake(): void;
  destroy(): void;
  /** Ends what it is doing, and then itself. */
  end(): Promise<void>;
}

type ConnectionsOptions<Connection> = {
  /** Of the database, for errors. */
  readonly name: string;
  readonly max: number;
  /** Makes one that is not connected yet, and says when it has ended. */
  readonly make: (onEnd: () => void) => Connection;
  /** What somebody can do who was not let in. */
  readonly hintOf?: (cause: unknown) => { readonly hint?: string; readonly retryable?: boolean };
};

/** So many connections and no more, each for one statement at a time; who comes later waits for a turn. */
export class SqlConnections<Connection extends PooledConnection> {
  readonly #options: ConnectionsOptions<Connection>;
  readonly #open = new Set<Connection>();
  readonly #waiting: ((turn: null) => void)[] = [];
  #idle: Connection[] = [];
  #taken = 0;
  #isClosed = false;

  constructor(options: ConnectionsOptions<Connection>) {
    this.#options = options;
  }

  get count(): number {
    return this.#open.size;
  }

  /** @throws ToolError when there is none before the signal is aborted, or the server does not let in. */
  async take(signal: AbortSignal): Promise<Connection> {
    await this.#turn(signal);
    try {
      const connection = this.#rested() ?? (await this.#connect(signal));
      connection.wake();
      return connection;
    } catch (thrown) {
      this.#free();
      throw thrown;
    }
  }

  /** Gives back what was taken; one that is not usable is ended. */
  give(connection: Connection, isUsable: boolean): void {
    if (isUsable && !this.#isClosed && connection.isOpen) {
      connection.rest();
      this.#idle.push(connection);
    } else connection.destroy();
    this.#free();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const wake of this.#waiting.splice(0)) wake(null);
    for (const connection of this.#idle.splice(0)) connection.destroy();
    await Promise.all([...this.#open].map((connection) => connection.end()));
  }

  async #turn(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#isClosed) throw this.#refusal("had no connection to spare");
    if (this.#taken < this.#options.max) {
      this.#taken += 1;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<null>();
    this.#waiting.push(resolve);
    if ((await untilAborted(signal, promise)) !== "aborted" && !this.#isClosed) return;
    const place = this.#waiting.indexOf(resolve);
    // Its turn may have come at the same moment.
    if (place === -1) this.#free();
    else this.#waiting.splice(place, 1);
    throw this.#refusal("had no connection to spare");
  }

  #free(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken -= 1;
    else next(null);
  }

  #rested(): Connection | undefined {
    this.#idle = this.#idle.filter(({ isOpen }) => isOpen);
    return this.#idle.pop();
  }

  async #connect(signal: AbortSignal): Promise<Connection> {
    if (this.#isClosed) throw this.#refusal("was closed");
    const connection = this.#options.make(() => this.#open.delete(connection));
    this.#open.add(connection);
    const connected = await untilAborted(signal, connection.connect()).catch((cause: unknown) => {
      connection.destroy();
      const message = cause instanceof Error ? cause.message : String(cause);
      throw this.#refusal(`cannot be reached: ${message}`, cause);
    });
    if (connected !== "aborted" && !this.#isClosed) return connection;
    connection.destroy();
    throw this.#refusal("cannot be reached: it has not answered in time");
  }

  #refusal(what: string, cause?: unknown): ToolError {
    const told = cause === undefined ? {} : this.#options.hintOf?.(cause);
    return new ToolError(`${this.#options.name} ${what}.`, { executed: false, ...told, cause });
  }
}
