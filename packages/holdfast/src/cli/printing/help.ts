import type { Command, CommandEntry } from "../parsing/command.ts";
import { optionsOf, usageOf } from "../parsing/parse-command.ts";
import type { Channel } from "./terminal.ts";
import { wrap } from "./wrap.ts";

const EXIT_CODES = `Exit codes: 0 done · 1 failed · 2 usage · 3 not found · 4 refused · 5 suspended ·
            130 interrupted · 143 terminated`;

export const mainHelp = (commands: readonly CommandEntry[], channel: Channel): string =>
  [
    "holdfast: runs agents so that a crash, a retry or a deploy repeats nothing",
    "",
    channel.paint("bold", "Commands"),
    ...commandLines(commands),
    "",
    channel.paint("bold", "Begin with"),
    '  holdfast init && holdfast run agent.ts "hello"',
    "",
    "Each command has --help. Data goes to stdout, everything else to stderr.",
    EXIT_CODES,
    "",
  ].join("\n");

/** The commands of one noun. */
export const groupHelp = (group: string, commands: readonly CommandEntry[], channel: Channel): string =>
  [channel.paint("bold", `holdfast ${group}`), ...commandLines(commands), ""].join("\n");

const commandLines = (entries: readonly CommandEntry[]): readonly string[] => {
  const width = Math.max(...entries.map(({ name }) => name.length));
  return entries.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
};

const HELP_WIDTH = 80;

export const commandHelp = ({ name, summary }: CommandEntry, command: Command, channel: Channel): string => {
  const options = Object.entries(optionsOf(command)).map(
    ([option, spec]) =>
      [`--${option}${spec.value === undefined ? "" : ` ${spec.value}`}`, spec.about] as const,
  );
  const args = command.args.map(({ name: arg, about }) => [arg, about] as const);
  const width = Math.max(...[...options, ...args].map(([left]) => left.length));
  const rows = (pairs: readonly (readonly [string, string])[]): readonly string[] =>
    pairs.flatMap(([left, right]) =>
      wrap(right, HELP_WIDTH - width - 4).map(
        (line, index) => `  ${(index === 0 ? left : "").padEnd(width)}  ${line}`,
      ),
    );
  return [
    `${channel.paint("bold", usageOf(name, command.args))}${options.length > 0 ? " [options]" : ""}`,
    "",
    `  ${summary}`,
    "",
    ...(args.length === 0 ? [] : [channel.paint("bold", "Arguments"), ...rows(args), ""]),
    channel.paint("bold", "Options"),
    ...rows(options),
    "",
    ...(command.notes ?? []).flatMap((note) => [...wrap(note, HELP_WIDTH), ""]),
  ].join("\n");
};
