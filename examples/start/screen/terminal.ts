import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Colour on a terminal that wants it; plain text everywhere else, and under NO_COLOR. */
export const paint = (style: Style, text: string): string =>
  styleText(style, text, { stream: process.stdout });

const MAX_WIDTH = 120;

/** Columns a line may take. */
export const width = (): number => Math.min(process.stdout.columns ?? 100, MAX_WIDTH);

export const print = (line = ""): void => void process.stdout.write(`${line}\n`);

export const complain = (text: string): void => void process.stderr.write(`${text}\n`);

const flat = (text: string): string => text.replaceAll(/\s+/g, " ").trim();

/** Text in one line of at most so many columns. */
export const fit = (text: string, columns: number): string => {
  const line = flat(text);
  return line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`;
};

/** The same for what ends with what matters most, as paths do: left out is something before the end. */
export const fitMiddle = (text: string, columns: number): string => {
  const line = flat(text);
  if (line.length <= columns) return line;
  const kept = Math.max(0, columns - 1);
  const head = Math.floor(kept / 3);
  return `${line.slice(0, head)}…${line.slice(line.length - (kept - head))}`;
};

/** Text broken into lines of at most so many columns; they go on below where the text began. */
export const wrap = (text: string, columns: number): readonly string[] => {
  const indent = /^ */.exec(text)?.[0] ?? "";
  const lines: string[] = [];
  let line = indent;
  for (const word of text.trim().split(" ")) {
    const isFirst = line.trim() === "";
    if (!isFirst && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = `${indent}${word}`;
    } else line = isFirst ? `${line}${word}` : `${line} ${word}`;
  }
  return [...lines, line];
};

export const seconds = (ms: number): string =>
  ms < 995 ? `${Math.max(0, Math.round(ms))} ms` : `${(ms / 1_000).toFixed(1)} s`;

/** Columns before what a row says. */
const ROW_INDENT = 13;

const label = (name: string): string => `  ${paint("dim", name.padEnd(ROW_INDENT - 4))}  `;

/** A label and what it says, aligned with others; long text goes on below itself. */
export const row = (name: string, text: string): void => {
  const [first = "", ...rest] = wrap(text, width() - ROW_INDENT);
  print(`${label(name)}${first}`);
  for (const line of rest) print(`${" ".repeat(ROW_INDENT)}${line}`);
};

/** A label and something to copy: never broken, however long. */
export const rowToCopy = (name: string, text: string): void => print(`${label(name)}${text}`);
