import { openFolder } from "../../definitions/open-folder.ts";
import { notDone } from "./file-failure.ts";
import type { FileSettings } from "./files-settings.ts";
import { MAX_DEPTH } from "./locate.ts";
import { walk, type WalkLimit } from "./walk.ts";

export type Growth = {
  readonly base: string;
  /** Of the file that is to be written. */
  readonly path: string;
  readonly bytes: number;
  readonly signal: AbortSignal;
};

/**
 * Asks whether a file of so many bytes fits what a workspace may hold, in place of what is there under its path.
 *
 * @throws ToolError when it does not.
 */
export const checkQuota = async (
  { base, path, bytes, signal }: Growth,
  settings: FileSettings,
): Promise<void> => {
  const { maxFileBytes, maxWorkspaceBytes, maxEntries } = settings;
  if (bytes > maxFileBytes)
    throw notDone(`A file may have ${maxFileBytes} bytes here; this one would have ${bytes}.`);
  const limit: WalkLimit = { left: maxEntries, isCut: false, hasDeeper: false, signal, isDeep: true };
  await using folder = await openFolder({ base, names: [], isMade: false });
  let total = bytes;
  let isNew = true;
  for await (const entry of walk({ folder, path: "" }, limit)) {
    if (entry.path === path) isNew = false;
    else total += entry.bytes;
  }
  if (limit.left === 0 && (limit.isCut || isNew)) {
    throw notDone(
      `The workspace is full: it may hold ${maxEntries} files and folders. Write to a file that is there already, or ask for some to be removed.`,
    );
  }
  if (limit.hasDeeper) {
    throw notDone(
      `There are folders in the workspace that are more than ${MAX_DEPTH} deep, where files are not counted, so nothing more is written. Ask for them to be moved or removed.`,
    );
  }
  if (total > maxWorkspaceBytes) {
    throw notDone(
      `The workspace is full: it may hold ${maxWorkspaceBytes} bytes, and would have ${total}. Write less, or write over files that are no longer needed.`,
    );
  }
};
