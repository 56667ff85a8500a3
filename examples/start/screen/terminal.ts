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

/** Text in one line of at most so many columns. */
export const fit = (text: string, columns: number): string => {
  const flat = text.replaceAll(/\s+/g, " ").trim();
  return flat.length <= columns ? flat : `${flat.slice(0, Math.max(0, columns - 1))}…`;
};

/** Text broken into lines of at most so many columns. */
export const wrap = (text: string, columns: number): readonly string[] => {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
};

export const seconds = (ms: number): string =>
  ms < 995 ? `${Math.max(0, Math.round(ms))} ms` : `${(ms / 1_000).toFixed(1)} s`;

/** A label and what it says, aligned with others; long text goes on below itself. */
export const row = (label: string, text: string): void => {
  const [first = "", ...rest] = wrap(text, width() - 13);
  print(`  ${paint("dim", label.padEnd(9))}  ${first}`);
  for (const line of rest) print(`${" ".repeat(13)}${line}`);
};
