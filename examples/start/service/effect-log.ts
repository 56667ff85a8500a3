import { closeSync, existsSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";

/** One line of the desk's log. A finding that is `filed` twice under one reference is a duplicate. */
export type LogLine =
  | {
      readonly event: "received";
      readonly at: number;
      readonly session: string;
      readonly reference: string;
      readonly fault: string;
    }
  | {
      readonly event: "filed";
      readonly at: number;
      readonly session: string;
      readonly reference: string;
      readonly number: number;
      readonly title: string;
      readonly severity: string;
    };

export type EffectLog = {
  readonly lines: readonly LogLine[];
  /** On disk when it returns. */
  append(line: LogLine): void;
  close(): void;
};

/** Reads a log that may have been cut in the middle of its last line. */
export const readLog = (file: string): readonly LogLine[] => {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, "utf8");
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as LogLine);
};

/** Opens the append-only log of what the desk did; each line is synced to disk before anyone is answered. */
export const openEffectLog = (file: string): EffectLog => {
  const lines = [...readLog(file)];
  if (existsSync(file)) {
    const bytes = readFileSync(file);
    truncateSync(file, bytes.lastIndexOf(0x0a) + 1);
  }
  const handle = openSync(file, "a", 0o600);
  return {
    lines,
    append: (line) => {
      writeSync(handle, `${JSON.stringify(line)}\n`);
      fsyncSync(handle);
      lines.push(line);
    },
    close: () => closeSync(handle),
  };
};
