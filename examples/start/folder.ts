import { lstat, open, readdir, realpath } from "node:fs/promises";
import { extname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { ToolError } from "holdfast";

export type FoundFile = { readonly path: string; readonly bytes: number };
export type FileContent = { readonly kind: "text"; readonly text: string } | { readonly kind: "binary" };

/** Folders that are no part of anybody's work. */
export const SKIPPED: ReadonlySet<string> = new Set([".git", "node_modules", ".holdfast"]);

/** No walk lists more files than this. */
export const MAX_FILES = 20_000;
const SNIFFED_BYTES = 8_192;

/**
 * Every plain file below a folder of `root`, sorted by path with `/` between names. Links are not followed, so
 * nothing outside is reached.
 */
export const walkFolder = async (
  root: string,
  from: string,
  signal: AbortSignal,
): Promise<{ readonly files: readonly FoundFile[]; readonly isCut: boolean }> => {
  const base = await realpath(root);
  const waiting = [await inside(base, from)];
  const files: FoundFile[] = [];
  for (
    let folder = waiting.shift();
    folder !== undefined && files.length < MAX_FILES;
    folder = waiting.shift()
  ) {
    signal.throwIfAborted();
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      if (SKIPPED.has(entry.name)) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      if (entry.isFile()) files.push({ path: shown(base, path), bytes: await sizeOf(path) });
    }
  }
  const kept = files.slice(0, MAX_FILES).toSorted((left, right) => (left.path < right.path ? -1 : 1));
  return { files: kept, isCut: files.length > kept.length || waiting.length > 0 };
};

/** Reads up to `maxBytes` of a plain file inside `root`. */
export const readInside = async (
  root: string,
  path: string,
  maxBytes: number,
): Promise<FileContent & { readonly bytes: number }> => {
  const base = await realpath(root);
  const target = await inside(base, path);
  const stat = await lstat(target);
  if (!stat.isFile()) throw refused(`"${path}" is not a plain file.`);
  const handle = await open(target, "r");
  try {
    const buffer = Buffer.alloc(Math.min(stat.size, maxBytes));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    const bytes = buffer.subarray(0, bytesRead);
    const isBinary = bytes.subarray(0, SNIFFED_BYTES).includes(0);
    return {
      bytes: stat.size,
      ...(isBinary ? { kind: "binary" } : { kind: "text", text: bytes.toString("utf8") }),
    };
  } finally {
    await handle.close();
  }
};

/** `.ts` for `src/a.ts`; the whole name where there is no ending. */
export const extensionOf = (path: string): string =>
  extname(path).toLowerCase() || (path.split("/").at(-1) ?? path);

/** The real path of something in the folder; refuses what lies outside, also by way of a link. */
const inside = async (base: string, path: string): Promise<string> => {
  const asked = resolve(base, path);
  const real = isWithin(base, asked) ? await realpath(asked).catch(() => null) : asked;
  if (real === null) throw refused(`There is no "${path}" in the folder.`);
  if (
    !isWithin(base, real) ||
    shown(base, real)
      .split("/")
      .some((name) => SKIPPED.has(name))
  ) {
    throw refused(`"${path}" is not in the part of the folder that may be read.`);
  }
  return real;
};

const isWithin = (base: string, path: string): boolean => {
  const way = relative(base, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
};

const shown = (base: string, path: string): string => relative(base, path).split(sep).join("/");

const sizeOf = async (path: string): Promise<number> => (await lstat(path).catch(() => null))?.size ?? 0;

/** Trying again would not help: the model has to ask for something else. */
const refused = (message: string): ToolError => new ToolError(message, { executed: false, retryable: false });
