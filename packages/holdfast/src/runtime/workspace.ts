import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { ToolError } from "../core/errors.ts";
import type { SessionId } from "../core/ids.ts";
import { openFolder, openPlainFile, type OpenFolder } from "../definitions/open-folder.ts";
import type { Workspace } from "../ports/tool.ts";

/** A file is emptied only once it is known to be one. */
const WRITE = constants.O_WRONLY | constants.O_CREAT;

/** Session ids made from keys may hold anything; folders may not. */
export const workspaceFolder = (dataDir: string, sessionId: SessionId): string =>
  join(dataDir, "workspaces", sessionId.replaceAll(/[^a-zA-Z0-9_-]/g, "_"));

/** A session's own directory on disk; nothing outside it can be reached through it (S1). */
export const createWorkspace = (root: string): Workspace => {
  const open = async (): Promise<string> => {
    await mkdir(root, { recursive: true, mode: 0o700 });
    return realpath(root);
  };
  const inside = async (relativePath: string): Promise<string> => {
    const base = await open();
    const target = resolve(base, relativePath);
    if (relativePath.includes("\0") || isAbsolute(relativePath) || !isWithin(base, target)) {
      throw escapes(relativePath);
    }
    // A link on the way could lead out: what exists of the path is followed before it is trusted.
    const real = await realPathOf(target);
    if (real === null || !isWithin(base, real)) throw escapes(relativePath);
    return real;
  };
  /** The folder of a file, opened without following what has become a link since it was looked at. */
  const folderOf = async (real: string, isMade: boolean): Promise<OpenFolder> => {
    const base = await open();
    const names = relative(base, dirname(real))
      .split(sep)
      .filter((name) => name !== "");
    return openFolder({ base, names, isMade });
  };
  return {
    path: open,
    resolve: inside,
    write: async (relativePath, content) => {
      const target = await inside(relativePath);
      if (target === (await open())) throw escapes(relativePath);
      await using folder = await folderOf(target, true);
      await using file = await openPlainFile(folder, basename(target), WRITE);
      await file.truncate(0);
      await file.writeFile(content);
      return target;
    },
    read: async (relativePath, { maxBytes = Number.POSITIVE_INFINITY } = {}) => {
      const target = await inside(relativePath);
      if (target === (await open())) throw escapes(relativePath);
      await using folder = await folderOf(target, false);
      await using file = await openPlainFile(folder, basename(target), constants.O_RDONLY);
      return (await file.stat()).size <= maxBytes ? await file.readFile() : await readHead(file, maxBytes);
    },
  };
};

const readHead = async (file: FileHandle, maxBytes: number): Promise<Uint8Array> => {
  const head = Buffer.alloc(maxBytes);
  let length = 0;
  while (length < maxBytes) {
    const { bytesRead } = await file.read(head, length, maxBytes - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return head.subarray(0, length);
};

const isWithin = (base: string, target: string): boolean => {
  const path = relative(base, target);
  return path === "" || (path !== ".." && !path.startsWith(`..${sep}`) && !isAbsolute(path));
};

/** Where a path really leads, the part that does not exist yet included; null for a link to nowhere. */
const realPathOf = async (target: string): Promise<string | null> => {
  try {
    return await realpath(target);
  } catch {
    if (await exists(target)) return null;
    const parent = dirname(target);
    const real = parent === target ? target : await realPathOf(parent);
    return real === null ? null : join(real, relative(parent, target));
  }
};

const exists = async (path: string): Promise<boolean> => {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
};

const escapes = (relativePath: string): ToolError =>
  new ToolError(`"${relativePath}" is not inside the workspace.`, {
    executed: false,
    retryable: false,
    hint: "Use a path relative to the workspace, without leaving it.",
  });
