/** Reads the source of the house as text: files, code without comments, imports. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";

export const ROOT = join(import.meta.dirname, "../..");
export const SRC = "packages/holdfast/src";

/** Path from the root, with forward slashes → text. */
export type Files = ReadonlyMap<string, string>;

const SKIPPED = new Set(["node_modules", "dist", "coverage", ".git", ".holdfast", ".work"]);

/** Every file under a folder of the repository whose name ends as asked. */
export const readFiles = (folder: string, ending: string): Files => {
  const files = new Map<string, string>();
  const walk = (directory: string): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) walk(path);
      else if (entry.isFile() && entry.name.endsWith(ending)) {
        files.set(relative(ROOT, path).split(sep).join("/"), readFileSync(path, "utf8"));
      }
    }
  };
  walk(join(ROOT, folder));
  return files;
};

export const isTest = (path: string): boolean => /\.test(-d)?\.ts$/.test(path);

/** Where a slash can only begin a regular expression: after these, or at the start. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|void|throw|await|yield))$/;

const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`|\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/g;

const keepLines = (text: string): string => text.replaceAll(/[^\n]/g, "");

/** The code with its comments blanked out, line for line. Strings stay. */
export const stripComments = (code: string): string => {
  let stripped = "";
  let from = 0;
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(code); match !== null; match = TOKEN.exec(code)) {
    const token = match[0];
    stripped += code.slice(from, match.index);
    const isComment = token.startsWith("//") || token.startsWith("/*");
    if (!isComment && token.startsWith("/") && !BEFORE_REGEX.test(stripped.trimEnd())) {
      stripped += "/"; // a division, not a regular expression
      from = match.index + 1;
      TOKEN.lastIndex = from;
      continue;
    }
    stripped += isComment ? keepLines(token) : token;
    from = match.index + token.length;
  }
  return stripped + code.slice(from);
};

/** Lines that hold code: neither blank nor only comment. */
export const codeLines = (code: string): number =>
  stripComments(code)
    .split("\n")
    .filter((line) => line.trim() !== "").length;

const IMPORTS = [
  /(?:^|[;\n}])\s*(?:import|export)\s+(?:type\s+)?[\w*${}\s,]*?\bfrom\s*["']([^"']+)["']/g,
  /(?:^|[;\n}])\s*import\s*["']([^"']+)["']/g,
  /\bimport\(\s*["']([^"']+)["']/g,
  /\bnew URL\(\s*["']([^"']+\.[jt]s)["']\s*,\s*import\.meta\.url/g,
];

/** Every module a file names: imports, re-exports, `import()` in code and types, and workers by URL. */
export const importsOf = (code: string): readonly string[] => {
  const stripped = stripComments(code);
  return IMPORTS.flatMap((pattern) => [...stripped.matchAll(pattern)].map((match) => match[1] ?? ""));
};

/** The path from the root that a relative import of a file means. */
export const resolveImport = (from: string, specifier: string): string =>
  join(dirname(from), specifier).split(sep).join("/");
