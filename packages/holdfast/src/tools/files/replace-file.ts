import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { lstat, rename, rm } from "node:fs/promises";
import { openFolder, openPlainFile, type OpenFolder } from "../../definitions/open-folder.ts";
import { OWN_FOLDER } from "../../definitions/own-folder.ts";
import { notDone } from "./file-failure.ts";

const WRITE = constants.O_WRONLY | constants.O_CREAT;

/** A short name for a key that may hold anything. */
export const digestOf = (text: string | Uint8Array): string =>
  createHash("sha256").update(text).digest("hex").slice(0, 32);

export type Replacement = {
  readonly base: string;
  readonly folder: OpenFolder;
  readonly name: string;
  readonly content: string | Uint8Array;
  /** Of the call: another attempt of it writes over what this one leaves unfinished. */
  readonly key: string;
};

/**
 * Puts a file in the place of what is there, whole and durable: nobody ever sees half of it, whenever the process dies. A link in
 * its place is replaced and not followed.
 */
export const replaceFile = async ({ base, folder, name, content, key }: Replacement): Promise<void> => {
  const before = await lstat(folder.entry(name)).catch(() => null);
  if (before !== null && !before.isFile()) throw notDone(`"${name}" is not a plain file.`);
  await using own = await openFolder({ base, names: [OWN_FOLDER], isMade: true });
  const draft = `draft-${digestOf(key)}`;
  try {
    await writeDraft(own, draft, { content, mode: before?.mode ?? null });
    await rename(own.entry(draft), folder.entry(name));
  } catch (thrown) {
    await rm(own.entry(draft), { force: true });
    throw thrown;
  }
  await folder.sync();
};

type Draft = { readonly content: string | Uint8Array; readonly mode: number | null };

const writeDraft = async (own: OpenFolder, draft: string, { content, mode }: Draft): Promise<void> => {
  await using file = await openPlainFile(own, draft, WRITE);
  await file.truncate(0);
  await file.writeFile(content);
  if (mode !== null) await file.chmod(mode & 0o777);
  await file.sync();
};
