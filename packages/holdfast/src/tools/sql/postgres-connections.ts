import type pg from "pg";
import { ToolError } from "../../core/errors.ts";
import { untilAborted } from "../../definitions/until-aborted.ts";
import { PostgresConnection } from "./postgres-connection.ts";

/** How long a server may take to let somebody in. */
const CONNECT_MS = 10_000;

type ConnectionsOptions = { readonly name: string; readonly url: string; readonly max: number };

/** So many connections and no more, each for one statement at a time; who comes later waits for a turn. */
export class PostgresConnections {
  readonly #Client: typeof pg.Client;
  readonly #options: ConnectionsOptions;
  readonly #open = new Set<PostgresConnection>();
  readonly #waiting: ((turn: null) => void)[] = [];
  #idle: PostgresConnection[] = [];
  #taken = 0;
  #isClosed = false;

  constructor(Client: typeof pg.Client, options: ConnectionsOptions) {
    this.#Client = Client;
    this.#options = options;
  }

  get count(): number {
    return this.#open.size;
  }

  /** @throws ToolError when there is none before the signal is aborted, or the server does not let in. */
  async take(signal: AbortSignal): Promise<PostgresConnection> {
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
  give(connection: PostgresConnection, isUsable: boolean): void {
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

  #rested(): PostgresConnection | undefined {
    this.#idle = this.#idle.filter(({ isOpen }) => isOpen);
    return this.#idle.pop();
  }

  async #connect(signal: AbortSignal): Promise<PostgresConnection> {
    if (this.#isClosed) throw this.#refusal("was closed");
    const client = new this.#Client({
      connectionString: this.#options.url,
      connectionTimeoutMillis: CONNECT_MS,
      keepAlive: true,
    });
    const connection = new PostgresConnection(client, this.#options.name);
    this.#open.add(connection);
    client.once("end", () => this.#open.delete(connection));
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
    return new ToolError(`${this.#options.name} ${what}.`, { executed: false, cause });
  }
}
