import { readFile } from "node:fs/promises";
import { findPackageJSON } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { isJsonObject, type JsonValue } from "../core/json.ts";

/** Everything a module exports. */
export type ModuleExports = Readonly<Record<string, unknown>>;

const CONDITIONS: ReadonlySet<string> = new Set(["node", "import", "module-sync", "default"]);

/** The file that the `.` door of an `exports` member leads to, for an `import` under Node. */
const entryOf = (exports: JsonValue | undefined): string | undefined => {
  if (typeof exports === "string") return exports;
  if (!isJsonObject(exports ?? null) || exports === undefined) return undefined;
  for (const [key, value] of Object.entries(exports as Record<string, JsonValue>)) {
    if (key !== "." && !CONDITIONS.has(key)) continue;
    const entry = entryOf(value);
    if (entry !== undefined) return entry;
  }
  return undefined;
};

const findManifest = (name: string, from: URL): string | undefined => {
  try {
    return findPackageJSON(name, from);
  } catch {
    return undefined;
  }
};

/**
 * Imports a package as a module at `from` would, wherever this package itself is installed.
 * Undefined when it is not installed there; what its own code throws on import passes through.
 */
export const importFrom = async (name: string, from: URL): Promise<ModuleExports | undefined> => {
  const manifestPath = findManifest(name, from);
  if (manifestPath === undefined) return undefined;
  const manifest: unknown = JSON.parse(await readFile(manifestPath, "utf8"));
  if (!isJsonObject(manifest)) return undefined;
  const { exports, main } = manifest;
  const entry = entryOf(exports) ?? (typeof main === "string" ? main : "index.js");
  return (await import(pathToFileURL(join(dirname(manifestPath), entry)).href)) as ModuleExports;
};
