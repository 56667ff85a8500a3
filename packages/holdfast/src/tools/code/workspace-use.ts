import type { Stats } from "node:fs";
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import { USER } from "./sandbox-command.ts";

/** What lies in a workspace. */
export type WorkspaceUse = {
  readonly bytes: number;
  /** Files and folders. */
  readonly count: number;
  /** Whether all of it, and the folder itself, belongs to the user that code runs as; false when there were too many to tell. */
  readonly isGiven: boolean;
  /** Of the folder itself; 0 when it is not there. */
  readonly inode: number;
  /** What a file was when it was looked at, by path; null when there were too many to tell. */
  readonly files: ReadonlyMap<string, string> | null;
};

const BLOCK_BYTES = 512;

/** Measures a workspace, following no links; stops counting above `maxFiles`. */
export const useOfWorkspace = async (root: string, maxFiles: number): Promise<WorkspaceUse> => {
  const files = new Map<string, string>();
  let bytes = 0;
  let count = 0;
  const own = await statsOf(root);
  let isGiven = isTheirs(own);
  const folders = [""];
  while (folders.length > 0 && count <= maxFiles) {
    const folder = folders.pop() ?? "";
    for (const name of await namesIn(join(root, folder), maxFiles - count)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const stats = await statsOf(join(root, path));
      if (stats === null) continue;
      count += 1;
      isGiven &&= isTheirs(stats);
      bytes += stats.blocks * BLOCK_BYTES;
      if (stats.isDirectory()) folders.push(path);
      else files.set(path, `${stats.size} ${stats.mtimeMs} ${stats.ino}`);
    }
  }
  const isAll = count <= maxFiles;
  return { bytes, count, isGiven: isGiven && isAll, inode: own?.ino ?? 0, files: isAll ? files : null };
};

const isTheirs = (stats: Stats | null): boolean => stats?.uid === USER && stats.gid === USER;

const namesIn = async (folder: string, limit: number): Promise<readonly string[]> => {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(folder)) {
      names.push(name);
      if (names.length > limit) break;
    }
  } catch {
    // It is gone, or may not be looked into: what it holds is not counted.
  }
  return names;
};

const statsOf = async (path: string): Promise<Stats | null> => {
  try {
    return await lstat(path);
  } catch {
    return null;
  }
};

/** Paths that are new, gone or different; null when it cannot be told. */
export const changedFiles = (before: WorkspaceUse, after: WorkspaceUse): readonly string[] | null => {
  const { files: old } = before;
  const { files: now } = after;
  if (old === null || now === null) return null;
  const changed = [...now].filter(([path, what]) => old.get(path) !== what).map(([path]) => path);
  const gone = [...old.keys()].filter((path) => !now.has(path)).map((path) => `${path} (deleted)`);
  return [...changed, ...gone].toSorted();
};
