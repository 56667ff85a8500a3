import { charsIn } from "./chars.ts";
import type { JournalEvent } from "./event.ts";
import type { Position } from "./ids.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";

/** Longest quotes, in characters: what was asked says most, what a tool gave least. */
const QUOTED = { input: 280, answer: 200, call: 100, result: 140 } as const;

const TITLE = "[What was said before this is left out. In short, by its position in the history:]";

/** What the model is told in place of what left the window. */
export type Summary = {
  readonly text: string;
  /** The same without what the open run said, for when that is taken back; null where there is none (E5). */
  readonly earlier: string | null;
};

/** A note of something that was said, and where it stands. */
type Note = { readonly at: Position; readonly line: string };

/**
 * The summary of these events, of no more than so many characters: made of their own words, so that it needs no model,
 * takes no time and says nothing that was not said. A summary among them is taken over line by line; when there is not
 * enough room the oldest lines go.
 */
export const summarise = (
  events: readonly JournalEvent[],
  { room, openFrom }: { readonly room: number; readonly openFrom: Position },
): Summary | null => {
  const notes = notesOf(events);
  const text = textOf(notes, room);
  if (text === null) return null;
  const earlier = notes.filter(({ at }) => at < openFrom);
  return { text, earlier: textOf(earlier, room) };
};

/** A summary as it is journaled: `earlier` where it is another text, or none. */
export const summaryPayload = ({ text, earlier }: Summary): JsonObject => ({
  summary: text,
  ...(earlier === text ? {} : { earlier }),
});

/** The summary that was journaled, or what is left of it when its run was taken back; null for nothing. */
export const summaryIn = (payload: JsonObject, isTakenBack: boolean): string | null => {
  const text = payload[isTakenBack && "earlier" in payload ? "earlier" : "summary"];
  return typeof text === "string" ? text : null;
};

const textOf = (notes: readonly Note[], room: number): string | null => {
  const lines: string[] = [];
  let left = room - TITLE.length;
  for (const { line } of notes.toReversed()) {
    left -= charsIn(line) + 1;
    if (left < 0) break;
    lines.unshift(line);
  }
  return lines.length === 0 ? null : [TITLE, ...lines].join("\n");
};

const notesOf = (events: readonly JournalEvent[]): readonly Note[] => {
  const tools = new Map<string, string>();
  return events.flatMap((event): readonly Note[] => {
    const { header, payload, position: at } = event;
    switch (header.type) {
      case "context.compacted":
        return readNotes(payload === null ? "" : (summaryIn(payload, false) ?? ""));
      case "run.accepted":
      case "run.handed-off":
        return [noteOf(at, `User: ${quote(textIn(payload?.["content"]), QUOTED.input)}`)];
      case "model-call.completed": {
        for (const { callId, tool } of header.calls) tools.set(callId, tool ?? "unknown");
        return answerNotes(at, payload);
      }
      case "tool-call.completed":
      case "tool-call.failed":
      case "tool-call.unknown":
      case "tool-call.resolved":
        return [noteOf(at, `${tools.get(header.callId) ?? "It"} gave: ${resultOf(payload)}`)];
      default:
        return [];
    }
  });
};

const noteOf = (at: Position, said: string): Note => ({ at, line: `${at}: ${said}` });

/** A line of a summary begins with its position; a line without one was never written by us. */
const LINE = /^(\d+): /;

const readNotes = (summary: string): readonly Note[] =>
  summary.split("\n").flatMap((line) => {
    const found = LINE.exec(line)?.[1];
    return found === undefined ? [] : [{ at: Number(found), line }];
  });

const answerNotes = (at: Position, payload: JsonObject | null): readonly Note[] => {
  const content = payload?.["content"];
  const parts = Array.isArray(content) ? content.filter(isJsonObject) : [];
  return parts.flatMap((part) => {
    if (part["type"] === "tool-call" && part["providerExecuted"] !== true) {
      const input = quote(JSON.stringify(part["input"] ?? {}), QUOTED.call);
      return [noteOf(at, `You called ${String(part["toolName"])} with ${input}`)];
    }
    const text = part["type"] === "text" ? part["text"] : "";
    return typeof text === "string" && text.trim() !== ""
      ? [noteOf(at, `You: ${quote(text, QUOTED.answer)}`)]
      : [];
  });
};

const resultOf = (payload: JsonObject | null): string => {
  const failure = payload?.["failure"];
  if (isJsonObject(failure))
    return quote(`${String(failure["code"])}: ${String(failure["message"])}`, QUOTED.result);
  const output = payload?.["output"];
  if (!isJsonObject(output)) return "[erased]";
  const value = output["value"] ?? null;
  return quote(typeof value === "string" ? value : textIn(value), QUOTED.result);
};

const textIn = (content: JsonValue | undefined): string => {
  if (content === undefined) return "[erased]";
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return JSON.stringify(content);
  return content
    .map((part) => {
      if (!isJsonObject(part)) return JSON.stringify(part);
      return part["type"] === "text"
        ? String(part["text"])
        : `[${String(part["mediaType"] ?? part["type"])}]`;
    })
    .join(" ");
};

/** On one line, and not longer than this. */
const quote = (text: string, most: number): string => {
  // Of a text of megabytes only the beginning is looked at.
  const flat = text
    .slice(0, most * 4)
    .replaceAll(/\s+/g, " ")
    .trim();
  return flat.length <= most ? flat : `${flat.slice(0, most - 1).toWellFormed()}…`;
};
