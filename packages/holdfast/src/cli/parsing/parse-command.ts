import { parseArgs } from "node:util";
import type { Command, OptionSpec } from "./command.ts";
import { Flags } from "./flags.ts";
import { nearestName } from "../../core/index.ts";
import { UsageError } from "./usage-error.ts";

type Parsed = { readonly args: readonly string[]; readonly flags: Flags; readonly isHelp: boolean };

const HELP: OptionSpec = { type: "boolean", about: "show this" };

export const optionsOf = (command: Pick<Command, "options">): Readonly<Record<string, OptionSpec>> => ({
  ...command.options,
  help: HELP,
});

/** Reads what follows a command's name. @throws UsageError */
export const parseCommand = (
  name: string,
  command: Pick<Command, "args" | "options">,
  argv: readonly string[],
): Parsed => {
  const options = optionsOf(command);
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      Object.entries(options).map(([option, { type }]) => [
        option,
        option === "help" ? { type, short: "h" } : { type },
      ]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given = new Map<string, string | true>();
  const args: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") args.push(token.value);
    if (token.kind === "option") given.set(token.name, valueOf(name, token, options));
  }
  const isHelp = given.has("help");
  if (!isHelp) checkArguments(name, command, args);
  return { args, flags: new Flags(given), isHelp };
};

type OptionToken = {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
};

const valueOf = (
  command: string,
  token: OptionToken,
  options: Readonly<Record<string, OptionSpec>>,
): string | true => {
  const spec = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
  if (spec === undefined) throw unknownOption(command, token.rawName, Object.keys(options));
  if (spec.type === "boolean") {
    if (token.value === undefined) return true;
    throw new UsageError(`${token.rawName} takes no value.`);
  }
  const isForgotten =
    token.value === undefined || (token.inlineValue !== true && token.value.startsWith("--"));
  if (!isForgotten && token.value !== undefined) return token.value;
  throw new UsageError(`${token.rawName} needs a value: ${token.rawName} ${spec.value ?? "<value>"}.`);
};

const unknownOption = (command: string, rawName: string, known: readonly string[]): UsageError => {
  const near = nearestName(rawName.replace(/^-+/, ""), known);
  return new UsageError(
    `"holdfast ${command}" has no option ${rawName}.`,
    near === undefined ? `See: holdfast ${command} --help` : `Did you mean --${near}?`,
  );
};

const checkArguments = (
  name: string,
  { args: specs }: Pick<Command, "args">,
  args: readonly string[],
): void => {
  const missing = specs[args.length];
  if (missing?.isRequired === true) {
    throw new UsageError(`"holdfast ${name}" needs ${missing.about}.`, `Usage: ${usageOf(name, specs)}`);
  }
  const extra = args[specs.length];
  if (extra === undefined) return;
  throw new UsageError(
    `"holdfast ${name}" does not know what to do with "${extra}".`,
    `Usage: ${usageOf(name, specs)} — put quotes around text with spaces.`,
  );
};

export const usageOf = (name: string, specs: Command["args"]): string =>
  ["holdfast", name, ...specs.map((spec) => (spec.isRequired ? `<${spec.name}>` : `[${spec.name}]`))].join(
    " ",
  );
