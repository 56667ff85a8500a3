import type { JsonObject } from "holdfast";
import { scriptedModel, type ScriptedStep, type ScriptedTurn } from "holdfast/testing";
import { numberIn, rowsIn, textIn } from "../read-json.ts";
import { callsIn, type MadeCall } from "./conversation.ts";
import { findingsFrom, type Finding } from "./findings.ts";
import { questionsFor } from "./questions.ts";
import { answerFrom, reportFrom } from "./report.ts";

const MAX_READ = 3;

/**
 * Stands in for a model where there is no key. Like one, it sees nothing but the conversation, and computes
 * its next step from the results the tools really gave.
 */
export const createStandIn = (): ReturnType<typeof scriptedModel> => scriptedModel(nextStep);

const nextStep = ({ messages }: ScriptedTurn): ScriptedStep => {
  const calls = callsIn(messages);
  const made = (tool: string): MadeCall | undefined => calls.find((call) => call.tool === tool);
  const listing = made("list_files");
  if (listing === undefined)
    return {
      text: "First I look at what is here.",
      toolCalls: [{ name: "list_files", input: { path: "." } }],
    };
  if (listing.error !== null) return { text: `I could not look at the folder: ${listing.error}` };
  if (numberIn(listing.result, "total") === 0)
    return { text: "The folder holds no files, so there is nothing to report." };

  const index = made("index_files");
  if (index === undefined) return readAndIndex(listing.result);
  if (index.error !== null) return { text: `I could not build the index of the files: ${index.error}` };
  if (made("query_index") === undefined) return ask(listing.result, index.result);

  const findings = findingsFrom(calls);
  if (made("get_advice") === undefined && findings.length > 0) return lookCloser(findings);
  if (made("file_finding") === undefined && findings.length > 0) return file(findings);
  if (made("write_report") === undefined) {
    const markdown = reportFrom(calls, index.result);
    return {
      text: "Everything is filed; now the report.",
      toolCalls: [{ name: "write_report", input: { markdown } }],
    };
  }
  return { text: answerFrom(calls, index.result) };
};

/** Files that usually say what a folder is about, in the order of trust. */
const TELLING = [
  /^readme/i,
  /^(package\.json|pyproject\.toml|cargo\.toml|go\.mod|pom\.xml|gemfile)$/i,
  /^(architecture|agents|contributing)/i,
  /^(index|main|app)\./i,
];

const readAndIndex = (listing: JsonObject | null): ScriptedStep => {
  const files = rowsIn(listing, "files");
  const nameOf = (file: JsonObject): string =>
    isHidden(file) ? "" : (textIn(file, "path").split("/").at(-1) ?? "");
  const isHidden = (file: JsonObject): boolean => /(^|\/)\./.test(textIn(file, "path"));
  const depthOf = (file: JsonObject): number => textIn(file, "path").split("/").length;
  const telling = TELLING.flatMap((pattern) =>
    files
      .filter((file) => pattern.test(nameOf(file)))
      .toSorted((left, right) => depthOf(left) - depthOf(right))
      .slice(0, 1),
  );
  const chosen = (telling.length > 0 ? telling : files)
    .slice(0, MAX_READ)
    .map((file) => textIn(file, "path"));
  return {
    text: `${numberIn(listing, "total")} files. I read what should say what this is, and index everything.`,
    toolCalls: [
      ...chosen.map((path) => ({ name: "read_file", input: { path, lines: 40 } })),
      { name: "index_files", input: {} },
    ],
  };
};

const ask = (listing: JsonObject | null, index: JsonObject | null): ScriptedStep => ({
  text: `The index holds ${numberIn(index, "lines")} lines, ${numberIn(index, "imports")} imports, ${numberIn(index, "todos")} noted tasks. I ask it.`,
  toolCalls: questionsFor(listing, index).map((sql) => ({ name: "query_index", input: { sql } })),
});

const lookCloser = (findings: readonly Finding[]): ScriptedStep => {
  const topics = [...new Set(findings.map(({ topic }) => topic))];
  const [first] = findings;
  return {
    text: `${findings.length} things stand out. I look closer, and ask what to advise.`,
    toolCalls: [
      ...(first === undefined ? [] : [{ name: "read_file", input: { path: first.path, lines: 20 } }]),
      ...topics.map((topic) => ({ name: "get_advice", input: { topic } })),
    ],
  };
};

const file = (findings: readonly Finding[]): ScriptedStep => ({
  text: "I file them.",
  toolCalls: findings.map(({ title, severity, path, detail }) => ({
    name: "file_finding",
    input: { title, severity, path, detail },
  })),
});
