import { charsIn } from "./chars.ts";
import type { JournalEvent } from "./event.ts";
import type { Position } from "./ids.ts";
import type { JsonObject } from "./json.ts";
import { saidIn, type Said } from "./said.ts";

/** Longest quotes, in characters: what was asked says most, what a tool gave least. */
const QUOTED = { note: 400, input: 280, answer: 200, call: 100, result: 140, pinned: 2_000 } as const;
/** `pinned`: the last result of a tool that is told for as long as the session lasts. */
type Kind = Said["kind"] | "pinned";
/** The same for a model that sums up. */
export const TOLD_IN_FULL = {
  note: 400,
  input: 4_000,
  answer: 3_000,
  call: 600,
  result: 1_500,
  pinned: 1_500,
} as const;
/** With less room than this quotes are shorter, down to a quarter. */
const USUAL_ROOM = 4_000;

/** What a model wrote is told line by line, each marked as its. */
const TOLD = "> ";
const TOLD_TITLE =
  "[What was said before this is left out. A model has summed it up; numbers in brackets are positions in the history:]";
const TITLE = "[What was said before this is left out. In short, by its position in the history:]";

/** What the model is told in place of what left the window. */
export type Summary = {
  readonly text: string;
  /** The same without what the open run said, for when that is taken back; null where there is none (E5). */
  readonly earlier: string | null;
};

/** A note of something that was said, and where it stands. */
type Note = { readonly at: Position; readonly kind: Kind | "told"; readonly line: string };

/** An event that leaves the window. */
export type Gone = {
  readonly event: JournalEvent;
  /** Whether the open run said it; of a summary, whether it made it. */
  readonly isOfRun: boolean;
  /** Of a summary: whether the run that made it was taken back since. */
  readonly isTakenBack: boolean;
};

type Bounds = {
  /** Most characters of the whole summary. */
  readonly room: number;
  /** Tools whose last result stays. */
  readonly pinned: ReadonlySet<string>;
  /** What a model has made of it, line by line; none where it was not asked, or did not answer. */
  readonly told?: readonly string[];
};

/**
 * The summary of these events, of no more than so many characters: made of their own words, so that it needs no model,
 * takes no time and says nothing that was not said. A summary among them is taken over line by line. When there is not
 * enough room, lines go: first what tools gave, then calls, answers, inputs, and what was undone, of each the oldest first.
 * What a model has made of all of it takes its place, but for what was undone and what is pinned.
 */
export const summarise = (gone: readonly Gone[], bounds: Bounds): Summary | null => {
  const { room, told = [] } = bounds;
  // E5: what was taken back stays out of the next summary too
  const notes = notesOf(gone, { ...bounds, isWithout: ({ isTakenBack }) => isTakenBack });
  const isByModel = told.length > 0;
  const text = textOf(
    isByModel ? [...toldNotes(told), ...notes.filter(isKept)] : withLessTold(notes, room / 2),
    room,
  );
  if (text === null) return null;
  // What a model made of what the open run said cannot be told apart from the rest.
  // guard E5: a summary that is of another run alone outlives this one
  if (!gone.some(({ isOfRun }) => isOfRun)) return { text, earlier: text };
  const before = gone.filter(({ isOfRun, event }) => !isOfRun || event.header.type === "context.compacted");
  const isWithout = ({ isTakenBack, isOfRun }: Gone): boolean => isTakenBack || isOfRun;
  const earlier = withLessTold(notesOf(before, { ...bounds, isWithout }), room / 2);
  return { text, earlier: textOf(earlier, room) };
};

/** What a model wrote once leaves room for what came since. */
const withLessTold = (notes: readonly Note[], most: number): readonly Note[] => {
  const told = notes.filter(({ kind }) => kind === "told");
  return [...within(told, most), ...notes.filter(({ kind }) => kind !== "told")];
};

/** What is left of the room of a summary for the lines of a model. */
export const roomForTold = (room: number): number => room - charsIn(TOLD_TITLE) - charsIn(TITLE) - 2;

/** What such a line takes of it. */
export const charsOfTold = (line: string): number => charsIn(line) + TOLD.length + 1;

const isKept = ({ kind }: Note): boolean => kind === "note" || kind === "pinned";

/** They stand before everything else, in their own order. */
const toldNotes = (lines: readonly string[]): readonly Note[] =>
  lines.map((line) => ({ at: 0, kind: "told", line: `${TOLD}${line}` }));

/** What a model is told of what it is to sum up, and the positions that it may name. */
export type Conversation = { readonly text: string; readonly positions: ReadonlySet<Position> };

/** The same events at greater length, a line for each thing that was said, in no more than so many characters. */
export const conversationOf = (gone: readonly Gone[], room: number): Conversation => {
  const isWithout = ({ isTakenBack }: Gone): boolean => isTakenBack;
  const reading = { pinned: new Set<string>(), isWithout, quoted: TOLD_IN_FULL };
  const whole = notesOf(gone, { ...reading, room: USUAL_ROOM });
  const share = room / Math.max(1, charsOf(whole));
  // Rather a little of everything than all of the half.
  const fitting = share >= 1 ? whole : notesOf(gone, { ...reading, room: USUAL_ROOM * share });
  const kept = within(fitting, room);
  const named = kept.flatMap(({ at, kind, line }) => (kind === "told" ? positionsIn(line) : [at]));
  return { text: kept.map(({ line }) => line).join("\n"), positions: new Set(named) };
};

const BRACKETS = /\[(\d+(?:, \d+)*)\]/g;

const positionsIn = (line: string): readonly Position[] =>
  [...line.matchAll(BRACKETS)].flatMap(([, list = ""]) => list.split(", ").map(Number));

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
const LEAST_FIRST: readonly Note["kind"][] = ["result", "call", "answer", "told", "input", "note", "pinned"];

const textOf = (notes: readonly Note[], room: number): string | null => {
  const isTold = notes.some(({ kind }) => kind === "told");
  const kept = within(notes, room - charsIn(TITLE) - (isTold ? charsIn(TOLD_TITLE) + 1 : 0));
  const parts = [
    { title: TOLD_TITLE, lines: kept.filter(({ kind }) => kind === "told") },
    { title: TITLE, lines: kept.filter(({ kind }) => kind !== "told") },
  ].filter(({ lines }) => lines.length > 0);
  if (parts.length === 0) return null;
  return parts.flatMap(({ title, lines }) => [title, ...lines.map(({ line }) => line)]).join("\n");
};

const charsOf = (notes: readonly Note[]): number =>
  notes.reduce((sum, { line }) => sum + charsIn(line) + 1, 0);

/** As many of them as there is room for, in the order of their positions. */
const within = (notes: readonly Note[], room: number): readonly Note[] => {
  let over = charsOf(notes) - room;
  const gone = new Set<Note>();
  for (const kind of LEAST_FIRST)
    // Of what a model wrote the end goes first: it begins with what matters most.
    for (const note of kind === "told" ? notes.toReversed() : notes) {
      if (over <= 0) break;
      if (note.kind !== kind) continue;
      gone.add(note);
      over -= charsIn(note.line) + 1;
    }
  return notes.filter((note) => !gone.has(note)).toSorted((left, right) => left.at - right.at);
};

type Reading = Bounds & {
  /** Whether of a summary only what is left without its run is read. */
  readonly isWithout: (gone: Gone) => boolean;
  readonly quoted?: Readonly<Record<Kind, number>>;
};

const notesOf = (
  gone: readonly Gone[],
  { room, pinned, isWithout, quoted = QUOTED }: Reading,
): readonly Note[] => {
  const tools = new Map<string, string>();
  const share = Math.min(1, Math.max(0.25, room / USUAL_ROOM));
  const note = (at: Position, kind: Kind, text: string): Note => {
    const most = kind === "pinned" ? Math.min(quoted.pinned, room / 2) : quoted[kind] * share;
    return { at, kind, line: `${at}: ${WORDS[kind]}${quote(text, Math.floor(most))}` };
  };
  const notes = gone.flatMap((each): readonly Note[] => {
    const { event } = each;
    const { header, payload, position: at } = event;
    if (header.type === "context.compacted")
      return readNotes((payload === null ? null : summaryIn(payload, isWithout(each))) ?? "");
    if (header.type === "model-call.completed")
      for (const { callId, tool } of header.calls) tools.set(callId, tool ?? "unknown");
    return saidIn(event).map(({ kind, text, callId }) => {
      if (callId === undefined) return note(at, kind, text);
      const tool = tools.get(callId) ?? "it";
      const isPinned = header.type === "tool-call.completed" && pinned.has(tool);
      return note(at, isPinned ? "pinned" : kind, `${tool}: ${text}`);
    });
  });
  return withoutOutdated(notes);
};

/** Of a pinned tool only the last result counts. */
const withoutOutdated = (notes: readonly Note[]): readonly Note[] => {
  const pins = notes.filter(({ kind }) => kind === "pinned");
  const last = new Set(new Map(pins.map((pin) => [toolIn(pin.line), pin])).values());
  return notes.filter((each) => each.kind !== "pinned" || last.has(each));
};

const toolIn = (line: string): string => line.split(":", 2)[1] ?? "";

/** What stands before a quote, by which it is known what it is when it is read again. */
const WORDS: Readonly<Record<Kind, string>> = {
  note: "Note: ",
  input: "User: ",
  answer: "You: ",
  call: "You called ",
  result: "Result of ",
  pinned: "Last result of ",
};

/** A line of a summary; one that is of no such form was never written by us. */
const LINE = /^(\d+): (Note: |User: |You: |You called |Result of |Last result of )/;
const KIND_BY: ReadonlyMap<string, Kind> = new Map(
  Object.entries(WORDS).map(([kind, begin]) => [begin, kind as Kind]),
);

const readNotes = (summary: string): readonly Note[] =>
  summary.split("\n").flatMap((line): readonly Note[] => {
    if (line.startsWith(TOLD)) return [{ at: 0, kind: "told", line }];
    const [, at, begin] = LINE.exec(line) ?? [];
    const kind = KIND_BY.get(begin ?? "");
    return at === undefined || kind === undefined ? [] : [{ at: Number(at), kind, line }];
  });

/** On one line, and not longer than this. */
const quote = (text: string, most: number): string => {
  // Of a text of megabytes only the beginning is looked at.
  const flat = text
    .slice(0, most * 4)
    .replaceAll(/[\s\p{Cc}]+/gu, " ")
    .trim();
  return flat.length <= most ? flat : `${flat.slice(0, most - 1).toWellFormed()}…`;
};
