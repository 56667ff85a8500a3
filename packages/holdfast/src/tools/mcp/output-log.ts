import type { Logger } from "../../ports/tool.ts";

const MAX_LINE_CHARS = 1_000;
const MAX_LINES = 200;
const TAIL_CHARS = 600;

/** What a server says beside the protocol: some of it goes to the log, cut, and its last words are kept. */
export class OutputLog {
  readonly #name: string;
  readonly #log: Logger | null;
  #lines = 0;
  #strays = 0;
  #firstStray = "";
  #tail = "";

  constructor(name: string, log: Logger | null) {
    this.#name = name;
    this.#log = log;
  }

  add(chunk: Buffer): void {
    const text = chunk.subarray(-4 * MAX_LINE_CHARS).toString("utf8");
    this.#tail = (this.#tail + text).slice(-TAIL_CHARS);
    for (const line of text.split("\n")) this.#note(line.trim());
  }

  /** A line where only messages of the protocol belong. */
  addStray(line: string): void {
    this.#strays += 1;
    if (this.#strays === 1) this.#firstStray = line.slice(0, 100);
    this.#note(line);
  }

  get tail(): string {
    const strays =
      this.#strays === 0
        ? ""
        : `It wrote ${this.#strays} lines that are no messages, the first: ${JSON.stringify(this.#firstStray)}.`;
    const said = this.#tail.trim();
    return [strays, said === "" ? "" : `Its last words: ${said}`].filter((text) => text !== "").join(" ");
  }

  #note(line: string): void {
    if (line === "" || this.#lines > MAX_LINES) return;
    this.#lines += 1;
    const text =
      this.#lines > MAX_LINES ? "More of its output is not logged." : line.slice(0, MAX_LINE_CHARS);
    this.#log?.debug(`MCP server "${this.#name}": ${text}`);
  }
}
