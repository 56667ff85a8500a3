import { constants } from "node:fs";
import { lstat, mkdir, open as openFile, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { ToolError } from "../core/errors.ts";
import type { SessionId } from "../core/ids.ts";
import type { Workspace } from "../ports/tool.ts";

/** A link that came into being after the path was looked at is not followed; Windows knows no such flag. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;
const WRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | NO_FOLLOW;
const READ = constants.O_RDONLY | NO_FOLLOW;

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
  return {
    path: open,
    resolve: inside,
    write: async (relativePath, content) => {
      const target = await inside(relativePath);
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      await using file = await openFile(target, WRITE, 0o600);
      await file.writeFile(content);
      return target;
    },
    read: async (relativePath) => {
      await using file = await openFile(await inside(relativePath), READ);
      return await file.readFile();
    },
  };
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
