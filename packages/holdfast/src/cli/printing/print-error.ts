import { readFileSync } from "node:fs";
import { isHoldfastError, toFailure, type JsonObject } from "../../core/index.ts";
import { printable } from "./printable.ts";
import type { Channel, Terminal } from "./terminal.ts";

/** Says on stderr what went wrong and what to do; with --json also as data on stdout. */
export const printError = (
  terminal: Terminal,
  error: unknown,
  { isJson }: { readonly isJson: boolean },
): void => {
  const { err, out } = terminal;
  const failure = toFailure(error);
  const isOurs = isHoldfastError(error);
  const code = isOurs && error.name !== "UsageError" ? ` ${err.paint("dim", `[${error.code}]`)}` : "";
  err.line(`${err.paint("red", "error:")} ${failure.message}${code}`);
  if (failure.details !== undefined) printLine(err, failure.details);
  if (isOurs && error.hint !== undefined) err.line(error.hint);
  // A defect of ours: whoever reports it needs the stack.
  if (!isOurs && error instanceof Error && error.stack !== undefined) err.line(err.paint("dim", error.stack));
  if (isJson) {
    const hint = isOurs && error.hint !== undefined ? { hint: error.hint } : {};
    out.line(JSON.stringify({ kind: "error", failure, ...hint }));
  }
};

/** The line of a file that an error is about, with a mark under the place. */
const printLine = (err: Channel, { file, line, column }: JsonObject): void => {
  if (typeof file !== "string" || typeof line !== "number") return;
  const text = readLine(file, line);
  if (text === undefined || text.trim() === "") return;
  const margin = `  ${line} | `;
  err.line(`${err.paint("dim", margin)}${printable(text.slice(0, WIDTH).replaceAll("\t", " ").trimEnd())}`);
  if (typeof column !== "number" || column < 1 || column > WIDTH) return;
  err.line(`${" ".repeat(margin.length + column - 1)}${err.paint("red", "^")}`);
};

const WIDTH = 100;

const readLine = (file: string, line: number): string | undefined => {
  try {
    return readFileSync(file, "utf8").split("\n")[line - 1];
  } catch {
    return undefined;
  }
};
