import { readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** A place in a user's file. */
export type SourcePlace = { readonly file: string; readonly line: number; readonly column: number | null };

const pathOf = (url: string): string | undefined => {
  try {
    return url.startsWith("file:") ? fileURLToPath(new URL(url)) : url;
  } catch {
    return undefined;
  }
};

/** What the parser prints above a syntax error: `file:///…:4`, the line, and a mark under it. */
const parserPlace = (stack: string): SourcePlace | undefined => {
  const [, url = "", line = ""] = /^(file:\/\/\/\S+?|\/\S+?|[A-Za-z]:\\\S+?):(\d+)\n/.exec(stack) ?? [];
  const file = pathOf(url);
  if (file === undefined || file === "") return undefined;
  const mark = stack.split("\n").find((text) => /^\s*\^+\s*$/.test(text));
  return { file, line: Number(line), column: mark === undefined ? null : mark.indexOf("^") + 1 };
};

/** The innermost call in one of the user's files. */
const framePlace = (stack: string, files: ReadonlySet<string>): SourcePlace | undefined => {
  for (const [, url = "", line = "", column = ""] of stack.matchAll(
    /(file:\/\/\/[^\s)]+|\/[^\s():]+):(\d+):(\d+)/g,
  )) {
    const file = pathOf(url);
    if (file !== undefined && files.has(file)) return { file, line: Number(line), column: Number(column) };
  }
  return undefined;
};

/** Where a file imports something. */
export const importPlace = (file: string, specifier: string): SourcePlace => {
  const lines = readLines(file);
  const at = lines.findIndex((line) => line.includes(`"${specifier}"`) || line.includes(`'${specifier}'`));
  const column = at < 0 ? null : (lines[at]?.indexOf(specifier) ?? -1) + 1;
  return { file, line: Math.max(1, at + 1), column };
};

const readLines = (file: string): readonly string[] => {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
};

const COMPILE = `import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { SourceTextModule } from "node:vm";
for (const file of process.argv.slice(1)) {
  const code = readFileSync(file, "utf8");
  new SourceTextModule(file.endsWith("ts") ? stripTypeScriptTypes(code) : code, { identifier: file });
}`;
const COMPILE_MS = 10_000;

/** Node tells no place for some syntax errors of modules; a process that dies of one does. */
const compilePlace = (files: ReadonlySet<string>): SourcePlace | undefined => {
  const flags = [
    "--no-warnings",
    "--experimental-vm-modules",
    "--input-type=module",
    "--eval",
    COMPILE,
    "--",
  ];
  const { stderr } = spawnSync(process.execPath, [...flags, ...files], {
    encoding: "utf8",
    timeout: COMPILE_MS,
  });
  return parserPlace(stderr);
};

/** Where an option is given, in the lines after the call that refused it. */
export const optionPlace = (from: SourcePlace, option: string): SourcePlace => {
  const lines = readLines(from.file);
  const isGiven = (line: string): boolean => new RegExp(`(^|[\\s{,"'])${option}["']?\\s*[:,}(]`).test(line);
  const at = lines.findIndex((line, index) => index >= from.line - 1 && isGiven(line));
  if (at < 0) return from;
  return { file: from.file, line: at + 1, column: (lines[at]?.indexOf(option) ?? -1) + 1 };
};

/** Where in the user's files an error arose, as well as can be told. */
export const placeOf = (error: unknown, files: ReadonlySet<string>): SourcePlace | undefined => {
  if (!(error instanceof Error) || error.stack === undefined) return undefined;
  const found = parserPlace(error.stack) ?? framePlace(error.stack, files);
  return found ?? (error instanceof SyntaxError ? compilePlace(files) : undefined);
};
