import type { CommandEntry, Invocation } from "./parsing/command.ts";
import { COMMANDS } from "./command-table.ts";
import { EXIT, type ExitCode, exitCodeOf } from "./parsing/exit-code.ts";
import { commandHelp, groupHelp, mainHelp } from "./printing/help.ts";
import { nearestName } from "../core/index.ts";
import { parseCommand } from "./parsing/parse-command.ts";
import { printError } from "./printing/print-error.ts";
import { UsageError } from "./parsing/usage-error.ts";

export type Place = Pick<Invocation, "terminal" | "cwd" | "env">;

/** Runs one command line and answers its exit code. Never throws. */
export const runCli = async (argv: readonly string[], place: Place): Promise<ExitCode> => {
  try {
    return await dispatch(argv, place);
  } catch (error) {
    printError(place.terminal, error, { isJson: argv.includes("--json") });
    return exitCodeOf(error);
  }
};

const HELP_WORDS: ReadonlySet<string> = new Set(["help", "--help", "-h"]);
const VERSION_WORDS: ReadonlySet<string> = new Set(["--version", "-v", "-V"]);

const dispatch = async (argv: readonly string[], place: Place): Promise<ExitCode> => {
  const [first] = argv;
  const { out } = place.terminal;
  if (first === undefined) {
    place.terminal.err.write(mainHelp(COMMANDS, place.terminal.err));
    return EXIT.usage;
  }
  if (VERSION_WORDS.has(first)) {
    out.line((await import("./printing/version.ts")).readVersion());
    return EXIT.done;
  }
  if (HELP_WORDS.has(first)) return await help(argv.slice(1), place);
  const entry = findEntry(argv);
  if (entry === undefined) return refuse(argv, place);
  const command = await entry.load();
  const { args, flags, isHelp } = parseCommand(entry.name, command, argv.slice(wordsOf(entry.name).length));
  if (isHelp) {
    out.write(commandHelp(entry, command, out));
    return EXIT.done;
  }
  return await command.run({ ...place, args, flags });
};

const help = async (words: readonly string[], { terminal }: Place): Promise<ExitCode> => {
  const entry = findEntry(words);
  if (entry !== undefined) terminal.out.write(commandHelp(entry, await entry.load(), terminal.out));
  else
    terminal.out.write(
      isGroup(words[0])
        ? groupHelp(words[0] ?? "", commandsOf(words[0] ?? ""), terminal.out)
        : mainHelp(COMMANDS, terminal.out),
    );
  return EXIT.done;
};

const wordsOf = (name: string): readonly string[] => name.split(" ");

const findEntry = (argv: readonly string[]): CommandEntry | undefined =>
  COMMANDS.find(({ name }) => wordsOf(name).every((word, index) => argv[index] === word));

const commandsOf = (group: string): readonly CommandEntry[] =>
  COMMANDS.filter(({ name }) => name.startsWith(`${group} `));

const isGroup = (word: string | undefined): boolean => word !== undefined && commandsOf(word).length > 0;

/** Nothing of that name: says what is near. */
const refuse = (argv: readonly string[], { terminal }: Place): ExitCode => {
  const [first = "", second] = argv;
  if (!isGroup(first)) {
    throw unknownCommand(first, [...new Set(COMMANDS.map(({ name }) => wordsOf(name)[0] ?? ""))], "");
  }
  if (second !== undefined && HELP_WORDS.has(second)) {
    terminal.out.write(groupHelp(first, commandsOf(first), terminal.out));
    return EXIT.done;
  }
  const verbs = COMMANDS.flatMap(({ name }) => (wordsOf(name)[0] === first ? wordsOf(name).slice(1) : []));
  if (second !== undefined) throw unknownCommand(second, verbs, `${first} `);
  terminal.err.write(groupHelp(first, commandsOf(first), terminal.err));
  return EXIT.usage;
};

const unknownCommand = (word: string, known: readonly string[], prefix: string): UsageError => {
  const near = nearestName(word, known);
  const hint =
    near === undefined ? `See: holdfast ${prefix}--help` : `Did you mean: holdfast ${prefix}${near}?`;
  return new UsageError(`There is no command "holdfast ${prefix}${word}".`, hint);
};
