import { closeSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** Makes a folder whose name survives a power loss, and those above it that were not there. */
export const makeFolder = (path: string): void => {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  // Also when it was there: whoever made it may have died before its name was safe.
  syncParent(path);
  if (first === undefined) return;
  for (let made = path; made !== first; made = dirname(made)) syncParent(dirname(made));
};

const syncParent = (path: string): void => {
  try {
    syncFolder(dirname(path));
  } catch (error) {
    // A folder that we may pass through and not read cannot be synced by us: it belongs to somebody else.
    if (!(error instanceof Error && "code" in error && error.code === "EACCES")) throw error;
  }
};

/** Makes names in a folder durable, where the system knows how. */
export const syncFolder = (folder: string): void => {
  if (process.platform === "win32") return;
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
};

/** Makes a file's content durable. */
export const syncFile = (path: string): void => {
  const handle = openSync(path, "r+");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
};
