import { ConfigurationError, ToolError } from "../../core/errors.ts";
import { defineTool, type DefinedTool } from "../../definitions/define-tool.ts";
import { checkOptions } from "../../definitions/known-options.ts";
import type { HistoryEntry, OtherEntries, SessionHistory } from "../../ports/session-history.ts";

export type HistoryToolOptions = {
  /**
   * `user`: the model may look as well into what the same user and the same agent said to each other in other sessions; not into what
   * tools gave there. `own` by default.
   */
  readonly conversations?: "own" | "user";
};

type HistoryInput = { readonly query?: string; readonly position?: number; readonly earlier?: boolean };

/** Of each thing that is found, so much is shown; all of it is read by its position. */
const SNIPPET_CHARS = 600;
const FOUND = 6;
const MAX_OUTPUT_CHARS = 20_000;

const PROPERTIES = {
  query: { type: "string", minLength: 1, maxLength: 1_000, description: "Words to look for." },
  position: { type: "integer", minimum: 1, description: "What was said there, whole." },
};

const EARLIER = {
  type: "boolean",
  description: "True to look for the words in other conversations with the same user, in place of this one.",
};

const DESCRIPTION =
  "Looks up what was said in this conversation before, also what is left out or shortened by now: by words, or whole by its position.";

/** Lets the model look up what was said in its session before, whatever has left the window. */
export const historyTool = (options: HistoryToolOptions = {}): DefinedTool<HistoryInput, string> => {
  checkOptions(options, { owner: "historyTool", known: ["conversations"], later: [] });
  const { conversations = "own" } = options;
  if (conversations !== "own" && conversations !== "user")
    throw new ConfigurationError("OPTION_INVALID", 'historyTool: "conversations" is "own" or "user".');
  const seesOthers = conversations === "user";
  return defineTool()({
    name: "recall_history",
    description: seesOthers
      ? `${DESCRIPTION} Also, by words, what was said in other conversations with the same user.`
      : DESCRIPTION,
    inputSchema: {
      type: "object",
      properties: seesOthers ? { ...PROPERTIES, earlier: EARLIER } : PROPERTIES,
      additionalProperties: false,
    },
    effect: "read",
    maxOutputChars: MAX_OUTPUT_CHARS,
    // What arrives here has passed the schema.
    execute: (input, { history }) => look(input as HistoryInput, history),
  }) as DefinedTool<HistoryInput, string>;
};

const look = async (
  { query, position, earlier = false }: HistoryInput,
  history: SessionHistory,
): Promise<string> => {
  if ((query === undefined) === (position === undefined) || (earlier && query === undefined))
    throw new ToolError(
      earlier
        ? "In other conversations only words are looked for."
        : "Give either words to look for, or a position.",
      { executed: false, retryable: false },
    );
  if (position !== undefined) return whole(position, await history.read(position));
  return earlier
    ? elsewhere(await history.searchOthers(query ?? "", { limit: FOUND }))
    : found(await history.search(query ?? "", { limit: FOUND }), titleOf);
};

const elsewhere = ({ entries, unreadable }: OtherEntries): string => {
  const told = found(entries, (entry) => titleOf(entry, "elsewhere"));
  if (unreadable.length === 0) return told;
  const which =
    unreadable.length === 1 ? "One other conversation" : `${unreadable.length} other conversations`;
  return `${told}\n\n${which} could not be read, and may have had more.`;
};

const whole = (position: number, entries: readonly HistoryEntry[]): string =>
  entries.length === 0
    ? `Nothing was said at ${position}.`
    : entries.map((entry) => `${titleOf(entry)}\n${indented(entry.text)}`).join("\n\n");

const found = (entries: readonly HistoryEntry[], title: (entry: HistoryEntry) => string): string =>
  entries.length === 0
    ? "Nothing was found. Try other words."
    : entries.map((entry) => snippetOf(entry, title(entry))).join("\n\n");

const snippetOf = (entry: HistoryEntry, title: string): string => {
  const { text } = entry;
  const shown = text.length <= SNIPPET_CHARS ? text : `${text.slice(0, SNIPPET_CHARS).toWellFormed()}…`;
  return `${title}\n${indented(shown)}`;
};

/** What a text says cannot be taken for an entry of its own: only titles begin a line. */
const indented = (text: string): string => `  ${text.replaceAll(LINE_END, "\n  ")}`;
const LINE_END = /\r\n?|[\n\v\f\u0085\u2028\u2029]/g;

const SPEAKERS = {
  input: "user",
  answer: "you",
  call: "you called",
  result: "result",
  note: "note",
} as const;

/** A position of another conversation is none of this one. */
const titleOf = ({ position, at, kind }: HistoryEntry, place: string | number = position): string =>
  `[${place}, ${SPEAKERS[kind]}, ${new Date(at).toISOString()}]`;
