import { constants } from "node:fs";
import { mkdir, open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { ToolError } from "../core/errors.ts";

/**
 * A folder that was opened, and stays that folder whatever is put in its place afterwards: its entries are reached through its
 * descriptor and not by its path (on Linux; elsewhere by the path, and a link that comes into being on the way is followed).
 */
export type OpenFolder = AsyncDisposable & {
  /** Path of the folder itself, for listing it. */
  readonly path: string;
  /** Path of an entry, good as long as the folder is open. `name` is a name alone. */
  entry(name: string): string;
  /** Makes what was created, renamed and removed in it durable. */
  sync(): Promise<void>;
};

/** No link is followed, no terminal taken; opening a pipe does not wait for its other end. Windows knows no such flags. */
const CAREFUL = (constants.O_NOFOLLOW ?? 0) | (constants.O_NOCTTY ?? 0) | (constants.O_NONBLOCK ?? 0);
const FOLDER = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | CAREFUL;
/** Where the system has paths of open descriptors, whose last link leads to what is open and to nothing else. */
const DESCRIPTORS = process.platform === "linux" ? "/proc/self/fd" : null;
const PRIVATE_FOLDER = 0o700;

const folderOf = (handle: FileHandle, path: string): OpenFolder => {
  const at = DESCRIPTORS === null ? path : `${DESCRIPTORS}/${handle.fd}`;
  return {
    path: at,
    entry: (name) => join(at, name),
    sync: () => (process.platform === "win32" ? Promise.resolve() : handle.sync()),
    [Symbol.asyncDispose]: () => handle.close(),
  };
};

const openAt = async (path: string): Promise<OpenFolder> => folderOf(await open(path, FOLDER), path);

export type FolderPath = {
  /** A folder that nobody else can move, with no link in its path. */
  readonly base: string;
  /** Names on the way from it, none of them `..`. */
  readonly names: readonly string[];
  /** Whether folders that are missing are made. */
  readonly isMade: boolean;
};

/** Opens a folder below `base` step by step; a link on the way is refused, also one that comes into being meanwhile. */
export const openFolder = async ({ base, names, isMade }: FolderPath): Promise<OpenFolder> => {
  let folder = await openAt(base);
  for (const name of names) {
    const parent = folder;
    try {
      if (isMade) await makeFolder(parent.entry(name));
      folder = await openAt(parent.entry(name));
    } finally {
      await parent[Symbol.asyncDispose]();
    }
  }
  return folder;
};

/** Opens one of the folders in a folder; never a link. */
export const openFolderIn = (parent: OpenFolder, name: string): Promise<OpenFolder> =>
  openAt(parent.entry(name));

/**
 * Opens a plain file in a folder; never a link, and never a pipe, socket or device, which could be waited for without end.
 *
 * @throws ToolError when it is none.
 */
export const openPlainFile = async (folder: OpenFolder, name: string, flags: number): Promise<FileHandle> => {
  const handle = await openOrRefuse(folder.entry(name), flags | CAREFUL, name);
  try {
    if ((await handle.stat()).isFile()) return handle;
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
  await handle.close();
  throw notPlain(name);
};

const PRIVATE_FILE = 0o600;

const openOrRefuse = async (path: string, flags: number, name: string): Promise<FileHandle> => {
  try {
    return await open(path, flags, PRIVATE_FILE);
  } catch (thrown) {
    // A socket, a pipe that nobody reads, and a link that has just come to be.
    if (["ENXIO", "ELOOP", "ENODEV"].some((code) => hasCode(thrown, code))) throw notPlain(name);
    throw thrown;
  }
};

const notPlain = (name: string): ToolError =>
  new ToolError(`"${name}" is not a plain file.`, { executed: false, retryable: false });

const makeFolder = async (path: string): Promise<void> => {
  try {
    await mkdir(path, { mode: PRIVATE_FOLDER });
  } catch (thrown) {
    if (!hasCode(thrown, "EEXIST")) throw thrown;
  }
};

const hasCode = (thrown: unknown, code: string): boolean =>
  thrown instanceof Error && "code" in thrown && thrown.code === code;
