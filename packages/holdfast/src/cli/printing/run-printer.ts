import type { Outcome, SessionEvent } from "../../runtime/index.ts";
import { CallNames } from "./call-names.ts";
import { describeNext } from "./describe-event.ts";
import { duration } from "./format.ts";
import { oneLine, printable } from "./printable.ts";
import type { Style, Terminal } from "./terminal.ts";

/** Shows a run while it goes on. */
export type RunPrinter = {
  show(event: SessionEvent): void;
  /** The answer, where it has not been shown piece by piece. */
  finish(outcome: Outcome<unknown>): void;
};

/** Each event is a line of JSON; the outcome is the last one. */
export const jsonPrinter = ({ out }: Terminal, sessionId: string): RunPrinter => ({
  show: (event) => out.line(JSON.stringify(event)),
  finish: (outcome) => out.line(JSON.stringify({ kind: "outcome", sessionId, ...outcome })),
});

/** Text to stdout, as it comes on a terminal and whole elsewhere; what tools do to stderr. */
export class HumanPrinter implements RunPrinter {
  readonly #terminal: Terminal;
  readonly #runId: string;
  readonly #since: number;
  readonly #names = new CallNames();
  /** What of the current answer has been shown; the model call it belongs to. */
  #shown = { startedAt: 0, chars: 0 };
  #isMidLine = false;

  /** Events from before `since` are history: learned from, not shown again. */
  constructor(terminal: Terminal, { runId, since }: { readonly runId: string; readonly since: number }) {
    this.#terminal = terminal;
    this.#runId = runId;
    this.#since = since;
  }

  show(event: SessionEvent): void {
    this.#names.see(event);
    if (!("runId" in event) || (event.runId !== null && event.runId !== this.#runId)) return;
    if (event.kind === "delta") this.#delta(event);
    if (event.kind === "progress")
      this.#note(`  ${this.#names.find(event.callId).tool}: ${event.message}`, "dim");
    if (event.kind === "event" && event.at >= this.#since) this.#event(event);
  }

  finish(outcome: Outcome<unknown>): void {
    this.#endLine();
    if (outcome.status !== "completed" || this.#terminal.out.isTty) return;
    const { output } = outcome;
    this.#terminal.out.line(typeof output === "string" ? output : JSON.stringify(output));
  }

  #delta(delta: Extract<SessionEvent, { kind: "delta" }>): void {
    const { out } = this.#terminal;
    if (!out.isTty || delta.type !== "text") return;
    if (delta.startedAt !== this.#shown.startedAt) this.#shown = { startedAt: delta.startedAt, chars: 0 };
    const { chars } = this.#shown;
    // A gap is made up for by the durable answer.
    if (delta.offset > chars) return;
    this.#text(delta.text.slice(chars - delta.offset));
  }

  #text(text: string): void {
    if (text === "") return;
    this.#shown = { ...this.#shown, chars: this.#shown.chars + text.length };
    this.#isMidLine = !text.endsWith("\n");
    this.#terminal.out.write(printable(text));
  }

  #event(event: Extract<SessionEvent, { kind: "event" }>): void {
    switch (event.type) {
      case "model-call.completed":
        this.#answer(event);
        return;
      case "model-call.failed": {
        const wasShown = this.#shown.startedAt === event.header.startedAt && this.#shown.chars > 0;
        const cut = wasShown ? " (what is above was cut off and does not count)" : "";
        this.#note(
          `! model call failed: ${event.header.code}${describeNext(event.header.next, event.at)}${cut}`,
          "yellow",
        );
        return;
      }
      case "tool-call.started":
      case "tool-call.deferred":
      case "tool-call.completed":
      case "tool-call.failed":
      case "tool-call.unknown":
      case "tool-call.late":
        this.#tool(event);
        return;
      case "run.undoing":
        this.#note(`· the run ends (${event.header.code}); what it did is undone first`, "yellow");
        return;
      case "session.recovered":
        this.#note("· the process that worked on this died; going on", "dim");
        return;
      default:
        return;
    }
  }

  #answer({ header, payload }: Extract<SessionEvent, { type: "model-call.completed" }>): void {
    if (!this.#terminal.out.isTty) return;
    if (header.startedAt !== this.#shown.startedAt) this.#shown = { startedAt: header.startedAt, chars: 0 };
    const content = payload?.["content"];
    const whole = Array.isArray(content) ? content.map(textOfPart).join("") : "";
    this.#text(whole.slice(this.#shown.chars));
    this.#endLine();
  }

  #tool(event: Extract<SessionEvent, { type: `tool-call.${string}` }>): void {
    const { header } = event;
    const { tool, input } = this.#names.find(header.callId);
    switch (header.type) {
      case "tool-call.started": {
        const again = header.attempt > 1 ? ` (attempt ${header.attempt})` : "";
        this.#note(`→ ${tool}${again}${input === undefined ? "" : ` ${JSON.stringify(input)}`}`, "cyan");
        return;
      }
      case "tool-call.deferred":
        this.#note(`· ${tool} waits for its turn: as many calls of it are under way as may be`, "dim");
        return;
      case "tool-call.completed":
        this.#note(`✓ ${tool} ${duration(header.durationMs)}`, "green");
        return;
      case "tool-call.failed":
        this.#note(
          `✗ ${tool}: ${messageIn(event) ?? header.code}${describeNext(header.next, event.at)}`,
          "red",
        );
        return;
      case "tool-call.unknown": {
        const why = (messageIn(event) ?? header.code).replace(/\.$/, "");
        this.#note(`? ${tool}: nobody knows whether it took place (${why})`, "yellow");
        return;
      }
      default:
        return;
    }
  }

  #note(text: string, style: Style): void {
    const { err } = this.#terminal;
    this.#endLine();
    err.line(err.paint(style, oneLine(text, err.columns - 1)));
  }

  #endLine(): void {
    if (!this.#isMidLine) return;
    this.#isMidLine = false;
    this.#terminal.out.write("\n");
  }
}

const textOfPart = (part: unknown): string =>
  typeof part === "object" &&
  part !== null &&
  "type" in part &&
  part.type === "text" &&
  "text" in part &&
  typeof part.text === "string"
    ? part.text
    : "";

const messageIn = (event: Extract<SessionEvent, { kind: "event" }>): string | undefined => {
  const failure = event.payload?.["failure"];
  const isObject = typeof failure === "object" && failure !== null && !Array.isArray(failure);
  const message = isObject ? (failure as { readonly message?: unknown }).message : undefined;
  return typeof message === "string" ? message : undefined;
};
