import { basename } from "node:path";
import { ToolError } from "../../core/errors.ts";
import { untilAborted } from "../../definitions/until-aborted.ts";
import type { SqlAnswer, SqlDriver, SqlStatement, SqlTable, TableRules } from "./sql-driver.ts";
import type { SqliteOpening, SqliteReply, SqliteRequest } from "./sqlite-messages.ts";
import { SqliteProcess } from "./sqlite-process.ts";

/** SQLITE_CANTOPEN, in SQLite's words. */
const IS_ABSENT = /unable to open database file/;
const ABSENT =
  "The file has to be there already and readable; a path that is not absolute is taken from the folder the process was started in.";

/** How long a statement waits for another connection that writes. */
const BUSY_MS = 2_000;

export type SqliteOptions = {
  readonly path: string;
  readonly isWritable: boolean;
  readonly rules: TableRules;
  readonly maxConnections: number;
};

/** A SQLite database, each connection of it in a process of its own, which is ended when a statement has to be. */
export class SqliteDriver implements SqlDriver {
  readonly name: string;
  readonly #opening: SqliteOpening;
  readonly #maxConnections: number;
  readonly #all = new Set<SqliteProcess>();
  readonly #idle: SqliteProcess[] = [];
  readonly #waiting: (() => void)[] = [];

  constructor({ path, isWritable, rules, maxConnections }: SqliteOptions) {
    this.name = `SQLite database ${basename(path)}`;
    this.#maxConnections = maxConnections;
    this.#opening = {
      path,
      isWritable,
      rules: rules === null ? null : [...rules].map(([table, names]) => [table, names && [...names]]),
      busyMs: BUSY_MS,
    };
  }

  async tables(signal: AbortSignal): Promise<readonly SqlTable[]> {
    const reply = await this.#ask({ kind: "tables" }, signal);
    if (reply.kind !== "tables")
      throw new ToolError(`${this.name} gave no list of its tables.`, { executed: false });
    return reply.tables;
  }

  read(statement: SqlStatement): Promise<SqlAnswer> {
    return this.#run(statement, false);
  }

  write(statement: SqlStatement): Promise<SqlAnswer> {
    return this.#run(statement, true);
  }

  held(): { readonly [kind: string]: number } {
    return { processes: this.#all.size };
  }

  async close(): Promise<void> {
    this.#idle.length = 0;
    await Promise.all([...this.#all].map((host) => host.kill()));
  }

  async #run(statement: SqlStatement, isWrite: boolean): Promise<SqlAnswer> {
    const { sql, params, maxRows, maxChars } = statement;
    const reply = await this.#ask({ kind: "run", sql, params, maxRows, maxChars, isWrite }, statement.signal);
    if (reply.kind === "answer") return reply.answer;
    throw new ToolError(`${this.name} gave no answer.`, { executed: false });
  }

  async #ask(request: SqliteRequest, signal: AbortSignal): Promise<SqliteReply> {
    const host = await this.#take(signal);
    const reply = await untilAborted(signal, host.ask(request));
    if (reply === "aborted" || reply === null) {
      await host.kill();
      this.#leave(null);
      throw this.#cutOff(reply, request);
    }
    this.#leave(host);
    if (reply.kind !== "error") return reply;
    throw new ToolError(`${this.name}: ${reply.message}`, {
      ...(IS_ABSENT.test(reply.message) ? { hint: ABSENT } : {}),
      ...(reply.isUndone ? { executed: false } : {}),
      retryable: reply.isBusy,
    });
  }

  /** The process is gone: a statement that had not ended is undone by whoever opens the database next. */
  #cutOff(why: "aborted" | null, request: SqliteRequest): ToolError {
    const isWrite = request.kind === "run" && request.isWrite;
    const what =
      why === null ? "The process that runs it has ended." : "It was told to stop, and was stopped.";
    return new ToolError(`${this.name}: ${what}`, isWrite ? {} : { executed: false });
  }

  async #take(signal: AbortSignal): Promise<SqliteProcess> {
    while (this.#all.size - this.#idle.length >= this.#maxConnections && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<null>();
      const next = (): void => resolve(null);
      this.#waiting.push(next);
      // Who gives up waiting leaves the turn to others.
      if ((await untilAborted(signal, promise)) === "aborted") this.#passOn(next);
    }
    if (signal.aborted) throw new ToolError(`${this.name} had no connection to spare.`, { executed: false });
    for (let host = this.#idle.pop(); host !== undefined; host = this.#idle.pop())
      if (!host.isGone) return host;
    const host: SqliteProcess = new SqliteProcess(this.#opening, () => void this.#all.delete(host));
    if (host.isGone) {
      this.#waiting.shift()?.();
      throw new ToolError(`${this.name}: no process could be started for it.`, {
        executed: false,
        hint: "The system has no more open files or processes to spare: see `ulimit -n` and `ulimit -u`.",
      });
    }
    this.#all.add(host);
    return host;
  }

  #passOn(waiter: () => void): void {
    const at = this.#waiting.indexOf(waiter);
    if (at >= 0) this.#waiting.splice(at, 1);
    else this.#waiting.shift()?.();
  }

  #leave(host: SqliteProcess | null): void {
    if (host !== null && !host.isGone && this.#all.has(host)) this.#idle.push(host);
    this.#waiting.shift()?.();
  }
}
