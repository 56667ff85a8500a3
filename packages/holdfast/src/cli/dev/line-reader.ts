import { createInterface, type Interface } from "node:readline";
import type { Readable } from "node:stream";

/** Reads lines that a person types, or that come through a pipe. */
export class LineReader {
  readonly #interface: Interface;
  readonly #isTty: boolean;
  readonly #waiting: ((line: string | null) => void)[] = [];
  readonly #lines: string[] = [];
  #isClosed = false;

  constructor(onInterrupt: () => void) {
    this.#isTty = process.stdin.isTTY;
    const output = this.#isTty ? process.stderr : undefined;
    const input: Readable = process.stdin;
    this.#interface = createInterface({
      input,
      ...(output === undefined ? {} : { output }),
      prompt: "> ",
      terminal: this.#isTty,
    });
    this.#interface.on("line", (line) => this.#give(line));
    this.#interface.on("close", () => {
      this.#isClosed = true;
      for (const give of this.#waiting.splice(0)) give(null);
    });
    // On a terminal Ctrl-C comes through readline; elsewhere it is a signal.
    this.#interface.on("SIGINT", onInterrupt);
  }

  /** The next line; null when there is none any more. */
  async next(): Promise<string | null> {
    const line = this.#lines.shift();
    if (line !== undefined) return line;
    if (this.#isClosed) return null;
    this.prompt();
    return await new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Shows the prompt again after something was printed over it. */
  prompt(): void {
    if (this.#isTty && !this.#isClosed) this.#interface.prompt(true);
  }

  /** Takes the prompt off the screen, to print something in its place. */
  clear(): void {
    if (this.isWaiting && this.#isTty) process.stderr.write("\r\u001B[K");
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  close(): void {
    this.#interface.close();
  }

  #give(line: string): void {
    const give = this.#waiting.shift();
    if (give === undefined) this.#lines.push(line);
    else give(line);
  }
}
