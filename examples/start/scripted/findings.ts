import { numberIn, textIn } from "../read-json.ts";
import type { MadeCall } from "./conversation.ts";
import { answerTo } from "./questions.ts";

export type Topic = "long-file" | "open-task" | "busy-module" | "large-file" | "repeated-file";
export type Finding = {
  readonly topic: Topic;
  readonly title: string;
  readonly severity: "low" | "medium" | "high";
  readonly path: string;
  readonly detail: string;
};

const MAX_FINDINGS = 6;

export const shownNumber = (value: number): string => value.toLocaleString("en-US");

/** What is worth a person's attention, from what the queries brought. */
export const findingsFrom = (calls: readonly MadeCall[]): readonly Finding[] => {
  const found = [
    ...longFiles(calls),
    ...openTasks(calls),
    ...busyModules(calls),
    ...repeatedFiles(calls),
    ...largeFiles(calls),
  ];
  return found.slice(0, MAX_FINDINGS);
};

const longFiles = (calls: readonly MadeCall[]): readonly Finding[] =>
  answerTo(calls, "longest")
    .filter((row) => numberIn(row, "lines") > 0)
    .slice(0, 2)
    .map((row) => {
      const lines = numberIn(row, "lines");
      const path = textIn(row, "path");
      return {
        topic: "long-file",
        title: `${path} has ${shownNumber(lines)} lines`,
        severity: lines > 1_000 ? "high" : lines > 400 ? "medium" : "low",
        path,
        detail: `${shownNumber(lines)} lines and ${shownNumber(numberIn(row, "words"))} words in one file.`,
      };
    });

const openTasks = (calls: readonly MadeCall[]): readonly Finding[] =>
  answerTo(calls, "tasks")
    .slice(0, 1)
    .map((row) => {
      const todos = numberIn(row, "todos");
      const path = textIn(row, "path");
      return {
        topic: "open-task",
        title: `${path} notes ${todos === 1 ? "an open task" : `${todos} open tasks`}`,
        severity: todos > 5 ? "medium" : "low",
        path,
        detail: `The first is in line ${numberIn(row, "line")}.`,
      };
    });

const busyModules = (calls: readonly MadeCall[]): readonly Finding[] =>
  answerTo(calls, "imported")
    .filter((row) => numberIn(row, "importers") > 1)
    .slice(0, 1)
    .map((row) => {
      const importers = numberIn(row, "importers");
      const path = textIn(row, "module");
      return {
        topic: "busy-module",
        title: `${path} is imported by ${importers} files`,
        severity: importers > 50 ? "medium" : "low",
        path,
        detail: "No other file here has more that depend on it.",
      };
    });

const repeatedFiles = (calls: readonly MadeCall[]): readonly Finding[] =>
  answerTo(calls, "repeated")
    .slice(0, 1)
    .map((row) => ({
      topic: "repeated-file",
      title: `${textIn(row, "path")} exists ${numberIn(row, "copies")} times`,
      severity: "low",
      path: textIn(row, "path"),
      detail: `The same ${shownNumber(numberIn(row, "bytes"))} bytes are in ${textIn(row, "twin")}.`,
    }));

const largeFiles = (calls: readonly MadeCall[]): readonly Finding[] =>
  answerTo(calls, "largest")
    .slice(0, 1)
    .map((row) => {
      const bytes = numberIn(row, "bytes");
      return {
        topic: "large-file",
        title: `${textIn(row, "path")} is the largest file: ${shownNumber(bytes)} bytes`,
        severity: bytes > 1_000_000 ? "medium" : "low",
        path: textIn(row, "path"),
        detail: "No other file here is larger.",
      };
    });
