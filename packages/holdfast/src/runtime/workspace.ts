import { mkdir, readFile, realpath, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { ToolError } from "../core/errors.ts";
import type { Workspace } from "../ports/tool.ts";

/** A session's own directory on disk; nothing outside it can be reached through it (S1). */
export const createWorkspace = (root: string): Workspace => {
  const open = async (): Promise<string> => {
    await mkdir(root, { recursive: true, mode: 0o700 });
    return realpath(root);
  };
  const inside = async (relativePath: string): Promise<string> => {
    const base = await open();
    const target = resolve(base, relativePath);
    if (isAbsolute(relativePath) || !isWithin(base, target)) throw escapes(relativePath);
    // A link on the way could lead out: what exists of the path is followed before it is trusted.
    const existing = await realpathOfExisting(target);
    if (!isWithin(base, existing)) throw escapes(relativePath);
    return target;
  };
  return {
    path: open,
    resolve: inside,
    write: async (relativePath, content) => {
      const target = await inside(relativePath);
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      await writeFile(target, content);
      return target;
    },
    read: async (relativePath) => readFile(await inside(relativePath)),
  };
};

const isWithin = (base: string, target: string): boolean => {
  const path = relative(base, target);
  return path === "" || (path !== ".." && !path.startsWith(`..${sep}`) && !isAbsolute(path));
};

const realpathOfExisting = async (target: string): Promise<string> => {
  try {
    return await realpath(target);
  } catch {
    const parent = dirname(target);
    return parent === target ? target : join(await realpathOfExisting(parent), relative(parent, target));
  }
};

const escapes = (relativePath: string): ToolError =>
  new ToolError(`"${relativePath}" is not inside the workspace.`, {
    executed: false,
    retryable: false,
    hint: "Use a path relative to the workspace, without leaving it.",
  });
