import { chmod, lstat, opendir, rename, rm } from "node:fs/promises";
import { openFolder, openFolderIn, type OpenFolder } from "../definitions/open-folder.ts";

/** Folders within each other that a path can name, however long their names are. */
const LEVELS = 8;
/** Deeper than so many times that, nobody has ever made any. */
const MAX_ROUNDS = 2_000;

/**
 * Removes a folder with all that is in it, also what lies so deep that no path leads there, and what nobody was left the right to look
 * into: who may erase must not be kept from it by what was written.
 */
export const removeFolder = async (path: string): Promise<void> => {
  for (let round = 1; ; round += 1) {
    try {
      await rm(path, { recursive: true, force: true });
      return;
    } catch (thrown) {
      if (round === MAX_ROUNDS || !isHeldUp(thrown)) throw thrown;
    }
    await unlessGone(async () => {
      await using root = await openFolder({ base: path, names: [], isMade: false });
      await raise(root, { root, depth: 1, count: { raised: 0 } });
    });
  }
};

/** What Node has begun to remove it goes on removing, also where it has failed meanwhile. */
const unlessGone = async (work: () => Promise<void>): Promise<void> => {
  try {
    await work();
  } catch (thrown) {
    if (codeOf(thrown) !== "ENOENT") throw thrown;
  }
};

const codeOf = (thrown: unknown): string =>
  thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";

const isHeldUp = (thrown: unknown): boolean =>
  ["ENAMETOOLONG", "EACCES", "ENOTEMPTY"].includes(codeOf(thrown));

type Raising = {
  readonly root: OpenFolder;
  readonly depth: number;
  readonly count: { raised: number };
};

/** Moves what lies too deep up to the top, a few folders at a time. */
const raise = async (folder: OpenFolder, raising: Raising): Promise<void> => {
  const { root, depth, count } = raising;
  for (const name of await foldersIn(folder)) {
    await unlessGone(async () => {
      if (depth === LEVELS) {
        await moveUp(folder.entry(name), root, count);
        return;
      }
      await using inner = await openFolderIn(folder, name);
      await raise(inner, { root, depth: depth + 1, count });
    });
  }
};

const OWNER_ALL = 0o700;

const foldersIn = async (folder: OpenFolder): Promise<readonly string[]> => {
  const names: string[] = [];
  for await (const { name } of await opendir(folder.path)) {
    const stats = await lstat(folder.entry(name)).catch(() => null);
    if (stats?.isDirectory() !== true) continue;
    names.push(name);
    if ((stats.mode & OWNER_ALL) !== OWNER_ALL) await chmod(folder.entry(name), OWNER_ALL);
  }
  return names;
};

const moveUp = async (from: string, root: OpenFolder, count: Raising["count"]): Promise<void> => {
  for (;;) {
    count.raised += 1;
    try {
      await rename(from, root.entry(`raised-${count.raised}`));
      return;
    } catch (thrown) {
      // There may be something of that name.
      if (!["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(codeOf(thrown))) throw thrown;
    }
  }
};
