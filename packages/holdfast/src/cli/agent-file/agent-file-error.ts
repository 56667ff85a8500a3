import { existsSync } from "node:fs";
import { basename, dirname, relative } from "node:path";
import { ConfigurationError, isHoldfastError } from "../../core/index.ts";
import { importPlace, optionPlace, placeOf, type SourcePlace } from "./source-place.ts";

type Cause = { readonly text: string; readonly hint: string; readonly place: SourcePlace | undefined };

const MEND = "Correct it and run the command again.";

const missingPackage = (message: string): Cause | undefined => {
  const [, name = "", from = ""] = /^Cannot find package '([^']+)' imported from (.+)$/.exec(message) ?? [];
  if (name === "") return undefined;
  const command = name.includes("/node_modules/") ? MEND : `Is it installed? Run: npm i ${name}`;
  return { text: `the package "${name}" cannot be found`, hint: command, place: importPlace(from, name) };
};

const missingFile = (message: string): Cause | undefined => {
  const [, path = "", from = ""] = /^Cannot find module '([^']+)' imported from (.+)$/.exec(message) ?? [];
  if (path === "") return undefined;
  const shown = relative(dirname(from), path);
  const specifier = shown.startsWith(".") ? shown : `./${shown}`;
  const other = [`${path}.ts`, path.replace(/\.js$/, ".ts")].find(
    (near) => near !== path && existsSync(near),
  );
  const hint =
    other === undefined
      ? "Check the name; imports of files need their extension."
      : `There is ${basename(other)}: imports of files name their real extension.`;
  return { text: `the file "${specifier}" cannot be found`, hint, place: importPlace(from, specifier) };
};

const UNSUPPORTED = "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX";
const codeOf = (error: object): unknown => ("code" in error ? error.code : undefined);

const causeOf = (error: unknown, files: ReadonlySet<string>): Cause => {
  if (!(error instanceof Error)) return { text: `it threw ${String(error)}`, hint: MEND, place: undefined };
  const missing = missingPackage(error.message) ?? missingFile(error.message);
  if (missing !== undefined) return missing;
  const place = placeOf(error, files);
  if (isHoldfastError(error)) {
    const option = error.failure.details?.["option"];
    const isNamed = place !== undefined && typeof option === "string" && /^\w+$/.test(option);
    return {
      text: error.message,
      hint: error.hint ?? MEND,
      place: isNamed ? optionPlace(place, option) : place,
    };
  }
  if (codeOf(error) === UNSUPPORTED) {
    const hint =
      "Node runs TypeScript by removing its types: no enum, no namespace, no parameter properties.";
    return { text: error.message, hint, place };
  }
  const name = error instanceof SyntaxError ? "" : `${error.name}: `;
  return { text: `${name}${error.message}`, hint: MEND, place };
};

/** What is wrong with an agent file, where, and what to do; in place of a stack. */
export const agentFileError = (
  error: unknown,
  { path, files, cwd }: { readonly path: string; readonly files: ReadonlySet<string>; readonly cwd: string },
): ConfigurationError => {
  const { text, hint, place } = causeOf(error, new Set([...files, path]));
  const file = relative(cwd, place?.file ?? path) || path;
  const where = place === undefined ? file : `${file}:${place.line}`;
  const sentence = /[.!?]$/.test(text) ? text : `${text}.`;
  return new ConfigurationError("AGENT_FILE_INVALID", `${where}: ${sentence}`, {
    hint,
    cause: error,
    details: {
      file: place?.file ?? path,
      ...(place === undefined ? {} : { line: place.line }),
      ...(typeof place?.column === "number" ? { column: place.column } : {}),
    },
  });
};
