import { ToolError } from "../../core/errors.ts";
import { defineTool, type DefinedTool } from "../../definitions/define-tool.ts";
import type { HistoryEntry } from "../../ports/session-history.ts";

type HistoryInput = { readonly query?: string; readonly position?: number };

/** Of each thing that is found, so much is shown; all of it is read by its position. */
const SNIPPET_CHARS = 600;
const FOUND = 6;
const MAX_OUTPUT_CHARS = 20_000;

const INPUT_SCHEMA = {
  type: "object",
  properties: {
    query: { type: "string", minLength: 1, maxLength: 1_000, description: "Words to look for." },
    position: { type: "integer", minimum: 1, description: "What was said there, whole." },
  },
  additionalProperties: false,
};

/** Lets the model look up what was said in its session before, whatever has left the window. */
export const historyTool = (): DefinedTool<HistoryInput, string> =>
  defineTool()({
    name: "recall_history",
    description:
      "Looks up what was said in this conversation before, also what is left out or shortened by now: by words, or whole by its position.",
    inputSchema: INPUT_SCHEMA,
    effect: "read",
    maxOutputChars: MAX_OUTPUT_CHARS,
    execute: async (input, { history }) => {
      // What arrives here has passed the schema.
      const { query, position } = input as HistoryInput;
      if ((query === undefined) === (position === undefined))
        throw new ToolError("Give either words to look for, or a position.", {
          executed: false,
          retryable: false,
        });
      if (position !== undefined) return whole(position, await history.read(position));
      return found(await history.search(query ?? "", { limit: FOUND }));
    },
  }) as DefinedTool<HistoryInput, string>;

const whole = (position: number, entries: readonly HistoryEntry[]): string =>
  entries.length === 0
    ? `Nothing was said at ${position}.`
    : entries.map((entry) => `${titleOf(entry)}\n${indented(entry.text)}`).join("\n\n");

const found = (entries: readonly HistoryEntry[]): string =>
  entries.length === 0 ? "Nothing was found. Try other words." : entries.map(snippetOf).join("\n\n");

const snippetOf = (entry: HistoryEntry): string => {
  const { text } = entry;
  const shown = text.length <= SNIPPET_CHARS ? text : `${text.slice(0, SNIPPET_CHARS).toWellFormed()}…`;
  return `${titleOf(entry)}\n${indented(shown)}`;
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

const titleOf = ({ position, at, kind }: HistoryEntry): string =>
  `[${position}, ${SPEAKERS[kind]}, ${new Date(at).toISOString()}]`;
