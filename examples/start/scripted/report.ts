import type { JsonObject } from "holdfast";
import { numberIn, textIn } from "../read-json.ts";
import type { MadeCall } from "./conversation.ts";
import { findingsFrom, shownNumber, type Finding } from "./findings.ts";
import { answerTo } from "./questions.ts";

const filedAs = (calls: readonly MadeCall[], finding: Finding): MadeCall | undefined =>
  calls.find(({ tool, input }) => tool === "file_finding" && input["title"] === finding.title);

const adviceOn = (calls: readonly MadeCall[], topic: string): string => {
  const call = calls.find(({ tool, input }) => tool === "get_advice" && input["topic"] === topic);
  return textIn(call?.result, "advice");
};

/** The report, from what the tools really answered. */
export const reportFrom = (calls: readonly MadeCall[], index: JsonObject | null): string => {
  const lines = [
    "# What is in this folder",
    "",
    `${shownNumber(numberIn(index, "files"))} files, ${shownNumber(numberIn(index, "bytes"))} bytes, ${shownNumber(numberIn(index, "lines"))} lines of text, ` +
      `${shownNumber(numberIn(index, "todos"))} noted tasks.`,
    "",
    "| kind | files | lines |",
    "|---|--:|--:|",
    ...answerTo(calls, "languages").map(
      (row) =>
        `| ${textIn(row, "extension")} | ${shownNumber(numberIn(row, "files"))} | ${shownNumber(numberIn(row, "lines"))} |`,
    ),
    "",
    "## Findings",
    "",
    ...findingsFrom(calls).flatMap((finding) => findingLines(calls, finding)),
    ...failureLines(calls),
  ];
  return lines.join("\n");
};

const findingLines = (calls: readonly MadeCall[], finding: Finding): readonly string[] => {
  const call = filedAs(calls, finding);
  const number = numberIn(call?.result, "number");
  const where = number > 0 ? `filed as number ${number}` : `not filed: ${call?.error ?? "it was not tried"}`;
  const advice = adviceOn(calls, finding.topic);
  return [
    `### ${finding.title}`,
    "",
    `${finding.severity}, ${where}. ${finding.detail}`,
    ...(advice === "" ? [] : ["", `> ${advice}`]),
    "",
  ];
};

const failureLines = (calls: readonly MadeCall[]): readonly string[] => {
  const failed = calls.filter(({ error }) => error !== null);
  if (failed.length === 0) return [];
  return ["## What did not work", "", ...failed.map(({ tool, error }) => `- ${tool}: ${error}`), ""];
};

/** The last word: what was found, in numbers the tools gave. */
export const answerFrom = (calls: readonly MadeCall[], index: JsonObject | null): string => {
  const filed = findingsFrom(calls).filter(
    (finding) => numberIn(filedAs(calls, finding)?.result, "number") > 0,
  );
  const [main] = answerTo(calls, "languages");
  const failed = calls.filter(({ error }) => error !== null).length;
  const isWritten = calls.some(({ tool, error }) => tool === "write_report" && error === null);
  return [
    `I looked at ${textIn(index, "note") === "" ? "" : "the first "}${shownNumber(numberIn(index, "files"))} files with ${shownNumber(numberIn(index, "lines"))} lines of text` +
      (main === undefined
        ? "."
        : `, ${shownNumber(numberIn(main, "lines"))} of them in ${shownNumber(numberIn(main, "files"))} ${textIn(main, "extension")} files.`),
    `I filed ${filed.length} findings:`,
    ...filed.map(
      (finding) =>
        `  #${numberIn(filedAs(calls, finding)?.result, "number")} ${finding.title} (${finding.severity})`,
    ),
    isWritten ? "The report has the details." : "The report could not be written.",
    ...(failed === 0 ? [] : [`${failed} of my tool calls failed; the report names them.`]),
  ].join("\n");
};
