import { constants } from "node:fs";
import { lstat, readdir, rm } from "node:fs/promises";
import { openFolder, openPlainFile, type OpenFolder } from "../../definitions/open-folder.ts";
import { OWN_FOLDER } from "../../definitions/own-folder.ts";
import { readWhole } from "./file-text.ts";
import { digestOf } from "./replace-file.ts";

/** What an edit makes of a file, noted durably before it is made: digests of the file before and after. */
export type EditRecord = {
  readonly path: string;
  readonly before: string;
  readonly after: string;
  readonly count: number;
};

/** The records of one workspace, by the keys of calls. */
export type EditRecords = AsyncDisposable & {
  find(key: string): Promise<EditRecord | null>;
  /** Whether some edit of the file began from what has this digest. */
  hasBegunFrom(path: string, digest: string): Promise<boolean>;
  add(key: string, record: EditRecord): Promise<void>;
};

/** Only calls that are under way are asked about: the last few would do. */
const KEPT = 64;
const MAX_RECORD_BYTES = 20_000;
const WRITE = constants.O_WRONLY | constants.O_CREAT;

export const openEditRecords = async (base: string): Promise<EditRecords> => {
  const folder = await openFolder({ base, names: [OWN_FOLDER, "edits"], isMade: true });
  return {
    find: (key) => read(folder, digestOf(key)),
    hasBegunFrom: async (path, digest) => {
      for (const name of await readdir(folder.path)) {
        const record = await read(folder, name);
        if (record?.path === path && record.before === digest) return true;
      }
      return false;
    },
    add: async (key, record) => {
      await removeOld(folder);
      await using file = await openPlainFile(folder, digestOf(key), WRITE);
      await file.truncate(0);
      await file.writeFile(JSON.stringify(record));
      await file.sync();
      await folder.sync();
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
};

const read = async (folder: OpenFolder, name: string): Promise<EditRecord | null> => {
  try {
    const bytes = await readWhole(folder, name, MAX_RECORD_BYTES);
    return toRecord(JSON.parse(String(bytes)));
  } catch {
    // Not there, or cut by a crash before the edit it would have been of.
    return null;
  }
};

const toRecord = (value: unknown): EditRecord | null => {
  if (typeof value !== "object" || value === null) return null;
  const { path, before, after, count } = value as Partial<Record<keyof EditRecord, unknown>>;
  const isRecord = typeof path === "string" && typeof before === "string" && typeof after === "string";
  return isRecord && typeof count === "number" ? { path, before, after, count } : null;
};

const removeOld = async (folder: OpenFolder): Promise<void> => {
  const names = await readdir(folder.path);
  if (names.length < KEPT) return;
  const aged = await Promise.all(
    names.map(async (name) => {
      const stat = await lstat(folder.entry(name)).catch(() => null);
      return { name, at: stat?.mtimeMs ?? 0 };
    }),
  );
  const old = aged.toSorted((one, other) => one.at - other.at).slice(0, names.length - KEPT + 1);
  await Promise.all(old.map(({ name }) => rm(folder.entry(name), { force: true })));
};
