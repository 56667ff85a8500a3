/**
 * Loaded before a play: puts the changed text in the place of a source file, and gives those who judge (the
 * simulated world and its history checker) a copy of `core/` in which nothing was changed. Nothing on disk is touched.
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";

type Planted = { readonly root: string; readonly files: Readonly<Record<string, string>> };

const isPlanted = (value: unknown): value is Planted =>
  typeof value === "object" && value !== null && "root" in value && "files" in value;

const readPlanted = (path: string): Planted => {
  const planted: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!isPlanted(planted)) throw new TypeError(`${path} does not say what is to be planted.`);
  return planted;
};

const { root, files } = readPlanted(process.env["HOLDFAST_PLANTED"] ?? "");
const UNCHANGED = "?unchanged";

/** The judges, and whatever of `core/` they already have. */
const isJudge = (url: string): boolean =>
  url.startsWith(`${root}testing/simulation/`) || url.endsWith(UNCHANGED);

registerHooks({
  resolve: (specifier, context, next) => {
    const found = next(specifier, context);
    const isCore = found.url.startsWith(`${root}core/`) && !found.url.endsWith(UNCHANGED);
    return isCore && isJudge(context.parentURL ?? "") ? { ...found, url: `${found.url}${UNCHANGED}` } : found;
  },
  load: (url, context, next) => {
    const source = url.startsWith(root) ? files[url.slice(root.length)] : undefined;
    if (source === undefined) return next(url, context);
    // Said aloud, so that a change that nobody ever loads is not taken for one that nobody notices.
    process.stdout.write(`${JSON.stringify({ said: "planted", file: url.slice(root.length) })}\n`);
    return { format: "module-typescript", source, shortCircuit: true };
  },
});
