import type { DurableEvent, JsonObject, SessionEvent } from "holdfast";
import { numberIn, objectOf, rowsIn, textIn } from "../read-json.ts";
import { fit, fitMiddle, paint, seconds, width, wrap } from "./terminal.ts";

type Style = Parameters<typeof paint>[0];
type Call = { readonly tool: string; readonly about: string };
type Line = {
  readonly mark: string;
  readonly style: Style;
  readonly note: string;
  readonly durationMs?: number;
};

/** Columns before what a call is about, and after its note. */
const LEFT = 18;
const RIGHT = 9;
const LEAST_ABOUT = 18;

/** Turns a session's events into lines for people. Remembers what each call was about. */
export class EventLines {
  readonly #calls = new Map<string, Call>();

  /** The lines that tell an event; none for what needs no telling. Every event must be shown, in order. */
  of(event: SessionEvent): readonly string[] {
    if (event.kind !== "event") return [];
    switch (event.type) {
      case "session.recovered":
        return [
          paint("magenta", "  ⟳ took over from a process that is gone. What became of its open calls?"),
        ];
      case "run.resumed":
        return [
          paint("dim", event.header.by === "operator" ? "    goes on: somebody said so" : "    goes on"),
        ];
      case "run.suspended":
        return [paint("dim", `    ${suspensionNote(event)}`)];
      case "run.cancel-requested":
        return [paint("yellow", "  ■ stopping: nothing new starts, and what is running is told to stop")];
      case "model-call.completed":
        return this.#answered(event);
      case "model-call.failed":
        return this.#lines({ tool: "model", about: "" }, lineOfModelFailure(event));
      default:
        return this.#ofToolCall(event);
    }
  }

  #ofToolCall(event: DurableEvent | Extract<SessionEvent, { kind: "event" }>): readonly string[] {
    const { header, payload, at } = event;
    if (!("callId" in header)) return [];
    const line = lineOfCall({ header, payload, at });
    if (line === null) return [];
    return this.#lines(this.#calls.get(header.callId) ?? { tool: "tool", about: header.callId }, line);
  }

  #answered({ header, payload }: DurableEvent<"model-call.completed">): readonly string[] {
    const parts = rowsIn(payload, "content");
    const asked = parts.filter((part) => part["type"] === "tool-call" && part["providerExecuted"] !== true);
    header.calls.forEach(({ callId }, index) => {
      const part = asked[index];
      this.#calls.set(callId, { tool: textIn(part, "toolName"), about: aboutOf(objectOf(part?.["input"])) });
    });
    const said = parts
      .map((part) => (part["type"] === "text" ? textIn(part, "text") : ""))
      .join("")
      .trim();
    // What is said without asking for tools is the answer, which is shown at the end.
    if (said === "" || header.calls.length === 0) return [];
    return ["", ...wrap(fit(said, 400), width() - 2).map((line) => paint("bold", line))];
  }

  /** One line, or two where the note needs the room. */
  #lines({ tool, about }: Call, { mark, style, note, durationMs }: Line): readonly string[] {
    const room = width() - LEFT - RIGHT;
    const left = `  ${paint(style, mark)} ${tool.padEnd(LEFT - 5)} `;
    const right = durationMs === undefined ? "" : ` ${paint("dim", seconds(durationMs).padStart(RIGHT - 2))}`;
    const shownNote = paint(style === "green" ? "dim" : style, note);
    if (note.length + 2 + Math.min(about.length, LEAST_ABOUT) > room) {
      const below = wrap(note, width() - LEFT - 2).map((line) => `${" ".repeat(LEFT)}${paint(style, line)}`);
      return [`${left}${shorten(about, width() - LEFT - 2)}`, ...below];
    }
    const shownAbout = shorten(about, room - note.length - 2);
    return [`${left}${shownAbout}${" ".repeat(room - note.length - shownAbout.length)}${shownNote}${right}`];
  }
}

/** Queries tell most at their beginning, titles and paths at their end. */
const shorten = (about: string, columns: number): string =>
  about.startsWith("/*") || about.startsWith("SELECT") ? fit(about, columns) : fitMiddle(about, columns);

const lineOfCall = ({
  header,
  payload,
  at,
}: Pick<DurableEvent, "header" | "payload" | "at">): Line | null => {
  switch (header.type) {
    case "tool-call.completed":
      return header.by === "verification"
        ? {
            mark: "✓",
            style: "magenta",
            note: "verified: it had been done, so it is not repeated",
            durationMs: header.durationMs,
          }
        : { mark: "✓", style: "green", note: figureIn(payload), durationMs: header.durationMs };
    case "tool-call.failed":
      if (header.code === "TOOL_CANCELLED") return { mark: "■", style: "yellow", note: "stopped" };
      if (header.next.kind !== "retry")
        return { mark: "✗", style: "red", note: `gave up: ${reasonIn(payload)}` };
      return {
        mark: "↻",
        style: "yellow",
        note: `${reasonIn(payload)}; tries again in ${seconds(header.next.dueAt - at)}`,
      };
    case "tool-call.unknown":
      return { mark: "?", style: "yellow", note: doubtNote(header, payload, at) };
    case "tool-call.verified":
      return header.status === "not-done"
        ? {
            mark: "↻",
            style: "magenta",
            note: "verified: it had not been done, so it is tried again",
            durationMs: header.durationMs,
          }
        : { mark: "?", style: "magenta", note: "verified: it cannot be told", durationMs: header.durationMs };
    case "tool-call.late":
      return { mark: "·", style: "dim", note: "answered too late; not used" };
    default:
      return null;
  }
};

const suspensionNote = ({ header }: DurableEvent<"run.suspended">): string =>
  header.waitingFor.some(({ kind }) => kind === "operator")
    ? "was interrupted too often in a row: waits for somebody to say that it may go on"
    : "waits, holding nothing";

/** The argument that tells calls of one tool apart. */
const aboutOf = (input: JsonObject | null): string =>
  input?.["markdown"] === undefined
    ? (["title", "sql", "topic", "path"].map((name) => textIn(input, name)).find((text) => text !== "") ?? "")
    : "report.md";

const reasonIn = (payload: JsonObject | null): string =>
  textIn(objectOf(payload?.["failure"]), "message").replace(/\.$/, "") || "no reason was kept";

const doubtNote = (
  header: DurableEvent<"tool-call.unknown">["header"],
  payload: JsonObject | null,
  at: number,
): string => {
  const why = header.code === "TOOL_CALL_LOST" ? "lost with its process" : reasonIn(payload);
  const { next } = header;
  if (next.kind === "ask") return `${why}. Done, or not? Somebody must say`;
  if (next.kind === "give-up") return `${why}. Done, or not? It is not known`;
  return `${why}. Done, or not? Verifies in ${seconds(next.notBefore - at)}`;
};

const lineOfModelFailure = ({ header, payload, at }: DurableEvent<"model-call.failed">): Line => {
  const why = header.code === "MODEL_CALL_LOST" ? "the call was lost with its process" : reasonIn(payload);
  const { next } = header;
  switch (next.kind) {
    case "retry":
      return { mark: "↻", style: "yellow", note: `${why}; asks again in ${seconds(next.dueAt - at)}` };
    case "fallback":
      return { mark: "↻", style: "yellow", note: `${why}; asks another model` };
    case "compact":
      return { mark: "↻", style: "yellow", note: `${why}; asks again with less` };
    case "give-up":
      return { mark: "✗", style: "red", note: why };
  }
};

/** A figure of a result that is worth a glance. */
const figureIn = (payload: JsonObject | null): string => {
  const value = objectOf(objectOf(payload?.["output"])?.["value"]);
  const has = (name: string): boolean => typeof value?.[name] === "number";
  if (has("total")) return `${numberIn(value, "total")} files`;
  if (has("files")) return `${numberIn(value, "files")} files indexed`;
  if (Array.isArray(value?.["rows"])) return `${rowsIn(value, "rows").length} rows`;
  if (has("number")) return `filed as number ${numberIn(value, "number")}`;
  if (has("lines")) return `${numberIn(value, "lines")} lines`;
  return has("bytes") ? `${numberIn(value, "bytes")} bytes` : "";
};
