import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where recordings are kept: a folder for each version of the journal, a file for each of the data directory. */
const RECORDED = join(import.meta.dirname, "recorded");

/** Recordings of versions that were released, by digest: they are never written again. */
const FROZEN = join(RECORDED, "frozen.json");

export type Files = ReadonlyMap<string, string>;

/** By recording ("journal-1", "directory-1"), the digests of its files. */
type FrozenDigests = { readonly [recording: string]: { readonly [file: string]: string } };

export const readFrozen = (path = FROZEN): FrozenDigests => {
  const digests: FrozenDigests = JSON.parse(readFileSync(path, "utf8"));
  return digests;
};

/** The names of all recordings there are, such as "journal-1". */
export const listRecordings = (root = RECORDED): readonly string[] =>
  readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted();

export const readRecorded = (recording: string, root = RECORDED): Files => {
  const folder = join(root, recording);
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder).toSorted();
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
};

const digestsOf = (files: Files): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...files].map(([name, text]) => [name, createHash("sha256").update(text).digest("hex")]),
  );

/** Why these files may not take the place of what is recorded, or null when they may. */
export const refusalToWrite = (
  recording: string,
  { mayReplace, root = RECORDED }: { readonly mayReplace: boolean; readonly root?: string },
): string | null => {
  if (readFrozen(join(root, "frozen.json"))[recording] !== undefined) {
    return `${recording} belongs to a released version and is never written again. A change to what is journaled needs a new version: raise it first.`;
  }
  if (readRecorded(recording, root).size > 0 && !mayReplace) {
    return `${recording} is recorded already. It is not released yet: give --replace to record it anew.`;
  }
  return null;
};

export const writeRecorded = (recording: string, files: Files, root = RECORDED): void => {
  const folder = join(root, recording);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
};

/** From now on these files stay as they are. */
export const freeze = (recording: string, root = RECORDED): void => {
  const path = join(root, "frozen.json");
  const frozen = { ...readFrozen(path), [recording]: digestsOf(readRecorded(recording, root)) };
  writeFileSync(path, `${JSON.stringify(frozen, null, 2)}\n`);
};

/** What is no longer as it was when it was released. */
export const changesToFrozen = (root = RECORDED): readonly string[] =>
  Object.entries(readFrozen(join(root, "frozen.json"))).flatMap(([recording, released]) => {
    const now = digestsOf(readRecorded(recording, root));
    const names = new Set([...Object.keys(released), ...Object.keys(now)]);
    return [...names].filter((name) => released[name] !== now[name]).map((name) => `${recording}/${name}`);
  });
