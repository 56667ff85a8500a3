import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { LIFELINE_FD, type SqliteOpening, type SqliteReply, type SqliteRequest } from "./sqlite-messages.ts";

const hostFile = (): string =>
  fileURLToPath(new URL(`./sqlite-host.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url));

/** Options of this process that a child must not share. */
const NOT_PASSED_ON = /^--(inspect|debug|watch|test|cpu-prof|heap-prof|eval|print|input-type)/;

/** A process with one connection, for one statement at a time. */
export class SqliteProcess {
  readonly #child: ChildProcess;
  readonly #opening: SqliteOpening;
  readonly #onGone: () => void;
  #answered: ((reply: SqliteReply | null) => void) | null = null;
  #isGone = false;

  constructor(opening: SqliteOpening, onGone: () => void) {
    this.#opening = opening;
    this.#onGone = onGone;
    const child = fork(hostFile(), ["--holdfast-sqlite-host"], {
      execArgv: process.execArgv.filter((option) => !NOT_PASSED_ON.test(option)),
      // Nothing of what this process keeps in its environment is needed there.
      env: {},
      stdio: ["ignore", "ignore", "ignore", "ipc", "pipe"],
    });
    this.#child = child;
    child.once("error", () => this.#end());
    child.once("exit", () => this.#end());
    child.on("message", (reply: SqliteReply) => this.#answer(reply));
    // Without a number it was not started, and has no pipes either; the error comes later.
    if (child.pid === undefined) this.#isGone = true;
    // It is closed with this process; that it is, is nobody's trouble.
    else child.stdio[LIFELINE_FD]?.on("error", () => undefined);
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Null when the process ended before it answered. */
  ask(request: SqliteRequest): Promise<SqliteReply | null> {
    const { promise, resolve } = Promise.withResolvers<SqliteReply | null>();
    if (this.#isGone) return Promise.resolve(null);
    this.#answered = resolve;
    this.#child.send({ open: this.#opening, request }, (error) => {
      if (error !== null) resolve(null);
    });
    return promise;
  }

  #answer(reply: SqliteReply | null): void {
    this.#answered?.(reply);
    this.#answered = null;
  }

  #end(): void {
    this.#isGone = true;
    this.#answer(null);
    this.#onGone();
  }

  /** Ends it, whatever it does. Resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.#isGone) return;
    const gone = new Promise((resolve) => void this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }
}
