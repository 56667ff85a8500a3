import type { ExitCode } from "./exit-code.ts";
import type { Flags } from "./flags.ts";
import type { Terminal } from "../printing/terminal.ts";

export type ArgumentSpec = { readonly name: string; readonly isRequired: boolean; readonly about: string };

export type OptionSpec = {
  readonly type: "boolean" | "string";
  /** Shown in place of a value: `<id>`. */
  readonly value?: string;
  readonly about: string;
};

export type Invocation = {
  readonly args: readonly string[];
  readonly flags: Flags;
  readonly terminal: Terminal;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
};

/** One command: what it takes, and what it does. */
export type Command = {
  readonly args: readonly ArgumentSpec[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** More than the summary says, for `--help`. */
  readonly notes?: readonly string[];
  run(call: Invocation): Promise<ExitCode>;
};

/** A command by name, not loaded before it is asked for. */
export type CommandEntry = {
  /** One word, or a noun and a verb. */
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
};

/** Options that several commands share, said once. */
export const DATA_DIR: OptionSpec = {
  type: "string",
  value: "<dir>",
  about: "where sessions are kept (.holdfast)",
};
export const JSON_OUT: OptionSpec = { type: "boolean", about: "JSON instead of text on stdout" };
