import { inspect } from "node:util";
import type { LogFields, Logger, LogLevel } from "../ports/tool.ts";

const ORDER: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Writes warnings and errors to stderr, one line each; what nobody awaits is not lost silently. */
export const stderrLogger = (least: LogLevel = "warn"): Logger => {
  const write = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (ORDER.indexOf(level) < ORDER.indexOf(least)) return;
    const more =
      fields === undefined ? "" : ` ${inspect(fields, { depth: 4, breakLength: Infinity, compact: true })}`;
    process.stderr.write(`holdfast ${level}: ${message}${more}\n`);
  };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
};
