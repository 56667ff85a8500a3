import type { Logger } from "../../ports/tool.ts";
import type { OutputStream } from "./messages.ts";

/** Of one call, no more than this goes to the log. */
const MAX_CHARS = 65_536;

/** What a tool prints, as lines of its log: what goes to the log has no secrets in it (O2), and has an end. */
export class OutputLines {
  readonly #log: Logger;
  readonly #begun: Record<OutputStream, string> = { stdout: "", stderr: "" };
  #charsLeft = MAX_CHARS;

  constructor(log: Logger) {
    this.#log = log;
  }

  take(stream: OutputStream, text: string): void {
    if (this.#charsLeft <= 0) return;
    this.#charsLeft -= text.length;
    const lines = (this.#begun[stream] + text).split("\n");
    this.#begun[stream] = lines.pop() ?? "";
    for (const line of lines) this.#say(stream, line);
    if (this.#charsLeft <= 0) this.#say("stderr", "[more was printed; it is left out]");
  }

  /** What has no end of line yet is a line too. */
  end(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      if (this.#begun[stream] !== "") this.#say(stream, this.#begun[stream]);
      this.#begun[stream] = "";
    }
  }

  #say(stream: OutputStream, line: string): void {
    if (stream === "stdout") this.#log.info(line, { stream });
    else this.#log.warn(line, { stream });
  }
}
