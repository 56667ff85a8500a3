import { charsIn } from "./chars.ts";
import type { JournalEvent } from "./event.ts";
import type { Position } from "./ids.ts";
import type { JsonObject } from "./json.ts";
import { saidIn, type Said } from "./said.ts";

/** Longest quotes, in characters: what was asked says most, what a tool gave least. */
const QUOTED = { input: 280, answer: 200, call: 100, result: 140, pinned: 2_000 } as const;
/** `pinned`: the last result of a tool that is told for as long as the session lasts. */
type Kind = Said["kind"] | "pinned";
/** With less room than this quotes are shorter, down to a quarter. */
const USUAL_ROOM = 4_000;

const TITLE = "[What was said before this is left out. In short, by its position in the history:]";

/** What the model is told in place of what left the window. */
export type Summary = {
  readonly text: string;
  /** The same without what the open run said, for when that is taken back; null where there is none (E5). */
  readonly earlier: string | null;
};

/** A note of something that was said, and where it stands. */
type Note = { readonly at: Position; readonly kind: Kind; readonly line: string };

type Bounds = {
  /** Most characters of the whole summary. */
  readonly room: number;
  /** Where the open run begins. */
  readonly openFrom: Position;
  /** Tools whose last result stays. */
  readonly pinned: ReadonlySet<string>;
};

/**
 * The summary of these events, of no more than so many characters: made of their own words, so that it needs no model,
 * takes no time and says nothing that was not said. A summary among them is taken over line by line. When there is not
 * enough room, lines go: first what tools gave, then calls, answers and inputs, of each the oldest first.
 */
export const summarise = (
  events: readonly JournalEvent[],
  { room, openFrom, pinned }: Bounds,
): Summary | null => {
  const text = textOf(
    notesOf(events, { room, pinned, readSummary: (payload) => summaryIn(payload, false) }),
    room,
  );
  if (text === null) return null;
  const before = events.filter(
    ({ position, header }) => position < openFrom || header.type === "context.compacted",
  );
  const readSummary = (payload: JsonObject, at: Position) => summaryIn(payload, at > openFrom);
  return { text, earlier: textOf(notesOf(before, { room, pinned, readSummary }), room) };
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

/** What goes first when there is not enough room. */
const LEAST_FIRST: readonly Kind[] = ["result", "call", "answer", "input", "pinned"];

const textOf = (notes: readonly Note[], room: number): string | null => {
  let over = notes.reduce((sum, { line }) => sum + charsIn(line) + 1, charsIn(TITLE)) - room;
  const gone = new Set<Note>();
  for (const kind of LEAST_FIRST)
    for (const note of notes) {
      if (over <= 0) break;
      if (note.kind !== kind) continue;
      gone.add(note);
      over -= charsIn(note.line) + 1;
    }
  const kept = notes.filter((note) => !gone.has(note)).toSorted((left, right) => left.at - right.at);
  return kept.length === 0 ? null : [TITLE, ...kept.map(({ line }) => line)].join("\n");
};

type Reading = Pick<Bounds, "room" | "pinned"> & {
  readonly readSummary: (payload: JsonObject, at: Position) => string | null;
};

const notesOf = (
  events: readonly JournalEvent[],
  { room, pinned, readSummary }: Reading,
): readonly Note[] => {
  const tools = new Map<string, string>();
  const share = Math.min(1, Math.max(0.25, room / USUAL_ROOM));
  const note = (at: Position, kind: Kind, text: string): Note => {
    const most = kind === "pinned" ? Math.min(QUOTED.pinned, room / 2) : QUOTED[kind] * share;
    return { at, kind, line: `${at}: ${WORDS[kind]}${quote(text, Math.floor(most))}` };
  };
  const notes = events.flatMap((event): readonly Note[] => {
    const { header, payload, position: at } = event;
    if (header.type === "context.compacted")
      return readNotes((payload === null ? null : readSummary(payload, at)) ?? "");
    if (header.type === "model-call.completed")
      for (const { callId, tool } of header.calls) tools.set(callId, tool ?? "unknown");
    return saidIn(event).map(({ kind, text, callId }) => {
      if (callId === undefined) return note(at, kind, text);
      const tool = tools.get(callId) ?? "it";
      const isPinned = header.type === "tool-call.completed" && pinned.has(tool);
      return note(at, isPinned ? "pinned" : kind, `${tool}: ${text}`);
    });
  });
  return notes.filter((each, index) => !isOutdated(each, notes.slice(index + 1)));
};

/** Of a pinned tool only the last result counts. */
const isOutdated = ({ kind, line }: Note, later: readonly Note[]): boolean =>
  kind === "pinned" && later.some((other) => other.kind === "pinned" && toolIn(other.line) === toolIn(line));

const toolIn = (line: string): string => line.split(":", 2)[1] ?? "";

/** What stands before a quote, by which it is known what it is when it is read again. */
const WORDS: Readonly<Record<Kind, string>> = {
  input: "User: ",
  answer: "You: ",
  call: "You called ",
  result: "Result of ",
  pinned: "Last result of ",
};

/** A line of a summary; one that is of no such form was never written by us. */
const LINE = /^(\d+): (User: |You: |You called |Result of |Last result of )/;
const KIND_BY: ReadonlyMap<string, Kind> = new Map(
  Object.entries(WORDS).map(([kind, begin]) => [begin, kind as Kind]),
);

const readNotes = (summary: string): readonly Note[] =>
  summary.split("\n").flatMap((line) => {
    const [, at, begin] = LINE.exec(line) ?? [];
    const kind = KIND_BY.get(begin ?? "");
    return at === undefined || kind === undefined ? [] : [{ at: Number(at), kind, line }];
  });

/** On one line, and not longer than this. */
const quote = (text: string, most: number): string => {
  // Of a text of megabytes only the beginning is looked at.
  const flat = text
    .slice(0, most * 4)
    .replaceAll(/\s+/g, " ")
    .trim();
  return flat.length <= most ? flat : `${flat.slice(0, most - 1).toWellFormed()}…`;
};
