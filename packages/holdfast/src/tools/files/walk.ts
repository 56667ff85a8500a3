import { lstat, opendir } from "node:fs/promises";
import type { Dirent } from "node:fs";
import { openFolderIn, type OpenFolder } from "../../definitions/open-folder.ts";
import { OWN_FOLDER } from "../../definitions/own-folder.ts";
import { MAX_DEPTH } from "./locate.ts";

/** Something in a folder. `folder` is open until the walk goes on. */
export type Entry = {
  readonly path: string;
  readonly name: string;
  readonly kind: "file" | "folder" | "link" | "other";
  /** 0 for what is no file. */
  readonly bytes: number;
  readonly folder: OpenFolder;
};

/** How far a walk may go; says afterwards whether it came to its end. */
export type WalkLimit = {
  left: number;
  isCut: boolean;
  /** Whether there are folders that were not entered because they are too deep; `isCut` is true then as well. */
  hasDeeper: boolean;
  readonly signal: AbortSignal;
  readonly isDeep: boolean;
};

export type Start = { readonly folder: OpenFolder; readonly path: string; readonly depth?: number };

/** All that is in a folder and, where that is asked for, in its folders, in the order of names; no link is followed. */
export async function* walk({ folder, path, depth = 0 }: Start, limit: WalkLimit): AsyncGenerator<Entry> {
  for (const found of await namesIn(folder, limit)) {
    limit.signal.throwIfAborted();
    const { name } = found;
    if (path === "" && name === OWN_FOLDER) continue;
    const entry = await describe(found, folder, path);
    if (entry === null) continue;
    yield entry;
    if (entry.kind !== "folder" || !limit.isDeep) continue;
    if (depth === MAX_DEPTH) limit.isCut = limit.hasDeeper = true;
    else yield* inside(entry, { depth: depth + 1, limit });
  }
}

type Deeper = { readonly depth: number; readonly limit: WalkLimit };

async function* inside({ folder, name, path }: Entry, { depth, limit }: Deeper): AsyncGenerator<Entry> {
  const deeper = await openFolderIn(folder, name).catch(() => null);
  // It is gone, or has become a link since it was listed.
  if (deeper === null) return;
  await using held = deeper;
  yield* walk({ folder: held, path, depth }, limit);
}

/** As many names as are left to be looked at. */
const namesIn = async (folder: OpenFolder, limit: WalkLimit): Promise<readonly Dirent[]> => {
  const found: Dirent[] = [];
  for await (const entry of await opendir(folder.path)) {
    if (limit.left === 0) {
      limit.isCut = true;
      break;
    }
    limit.left -= 1;
    found.push(entry);
  }
  return found.toSorted((one, other) => (one.name < other.name ? -1 : 1));
};

const describe = async (found: Dirent, folder: OpenFolder, path: string): Promise<Entry | null> => {
  const { name } = found;
  const about = { name, folder, path: path === "" ? name : `${path}/${name}` };
  if (found.isDirectory()) return { ...about, kind: "folder", bytes: 0 };
  if (found.isSymbolicLink()) return { ...about, kind: "link", bytes: 0 };
  if (!found.isFile()) return { ...about, kind: "other", bytes: 0 };
  const size = await lstat(folder.entry(name)).then(
    (stat) => stat.size,
    () => null,
  );
  return size === null ? null : { ...about, kind: "file", bytes: size };
};
