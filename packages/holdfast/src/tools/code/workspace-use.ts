import type { Stats } from "node:fs";
import { lstat, opendir } from "node:fs/promises";
import { openFolder, openFolderIn, type OpenFolder } from "../../definitions/open-folder.ts";
import { USER } from "./sandbox-command.ts";

/** What lies in a workspace. */
export type WorkspaceUse = {
  readonly bytes: number;
  /** Files and folders. */
  readonly count: number;
  /** Whether there are folders whose files were not counted: too deep, or without the right to look into them. */
  readonly hasUncounted: boolean;
  /** Whether all of it, and the folder itself, belongs to the user that code runs as; false when there were too many to tell. */
  readonly isGiven: boolean;
  /** Of the folder itself; 0 when it is not there. */
  readonly inode: number;
  /** What a file was when it was looked at, by path; null when there were too many to tell. */
  readonly files: ReadonlyMap<string, string> | null;
};

const BLOCK_BYTES = 512;
/** Each folder on the way is held open. */
export const MAX_DEPTH = 64;

type Found = {
  readonly maxFiles: number;
  readonly files: Map<string, string>;
  bytes: number;
  count: number;
  hasUncounted: boolean;
  isGiven: boolean;
};

/**
 * Measures a workspace; stops counting above `maxFiles`. Code may run in it meanwhile: no link is followed, on no part of the way,
 * also where a folder becomes one just now.
 */
export const useOfWorkspace = async (root: string, maxFiles: number): Promise<WorkspaceUse> => {
  const own = await lstat(root).catch(() => null);
  const nothing = { bytes: 0, count: 0, hasUncounted: false };
  const found: Found = { ...nothing, maxFiles, files: new Map(), isGiven: isTheirs(own) };
  try {
    await using folder = await openFolder({ base: root, names: [], isMade: false });
    await walk(folder, { path: "", depth: 0, found });
  } catch {
    // It is gone.
  }
  const { files, bytes, count, hasUncounted } = found;
  const isAll = count <= maxFiles;
  const isGiven = found.isGiven && isAll && !hasUncounted;
  return { bytes, count, hasUncounted, isGiven, inode: own?.ino ?? 0, files: isAll ? files : null };
};

const isTheirs = (stats: Stats | null): boolean => stats?.uid === USER && stats.gid === USER;

type At = { readonly path: string; readonly depth: number; readonly found: Found };

const walk = async (folder: OpenFolder, at: At): Promise<void> => {
  const { found } = at;
  for (const name of await namesIn(folder, found.maxFiles - found.count)) {
    await look(folder, name, at);
    if (found.count > found.maxFiles) return;
  }
};

const look = async (folder: OpenFolder, name: string, { path: before, depth, found }: At): Promise<void> => {
  const path = before === "" ? name : `${before}/${name}`;
  try {
    const stats = await lstat(folder.entry(name));
    found.count += 1;
    found.isGiven &&= isTheirs(stats);
    found.bytes += stats.blocks * BLOCK_BYTES;
    if (!stats.isDirectory()) found.files.set(path, `${stats.size} ${stats.mtimeMs} ${stats.ino}`);
    else if (depth === MAX_DEPTH) found.hasUncounted = true;
    else {
      await using inner = await openFolderIn(folder, name);
      await walk(inner, { path, depth: depth + 1, found });
    }
  } catch (thrown) {
    // Otherwise it is gone, or something else by now.
    found.hasUncounted ||= isForbidden(thrown);
  }
};

const isForbidden = (thrown: unknown): boolean =>
  thrown instanceof Error && "code" in thrown && (thrown.code === "EACCES" || thrown.code === "EPERM");

const namesIn = async (folder: OpenFolder, limit: number): Promise<readonly string[]> => {
  const names: string[] = [];
  for await (const { name } of await opendir(folder.path)) {
    names.push(name);
    if (names.length > limit) break;
  }
  return names;
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
