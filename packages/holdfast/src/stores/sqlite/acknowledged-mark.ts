import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { syncFolder } from "./sync-path.ts";

const ENDING = ".mark";
const BYTES = 12;

/**
 * Remembers beside the database up to which message a holder's writes were stored. SQLite takes a damaged
 * log for one that was cut off by a loss of power, and goes on without the commits behind the damage; the
 * mark knows that they were acknowledged. It is written after the commit and never synced, so it may lag
 * behind the truth and is never ahead of it. A clean end takes it away.
 */
export class AcknowledgedMark {
  readonly #path: string;
  readonly #bytes = Buffer.alloc(BYTES);
  #handle: number | null = null;
  #isEnded = false;

  constructor(dataDir: string, holder: string) {
    this.#path = markPath(dataDir, holder);
  }

  /** Only after a commit that waited for the disk. */
  move(sequence: number): void {
    if (this.#isEnded) return;
    try {
      this.#bytes.writeDoubleBE(sequence, 0);
      this.#bytes.writeUInt32BE(crc32(this.#bytes.subarray(0, 8)), 8);
      this.#handle ??= openSync(this.#path, "w", 0o600);
      writeSync(this.#handle, this.#bytes, 0, BYTES, 0);
    } catch {
      // A mark that lags knows less; what was asked for is stored all the same.
    }
  }

  /** Before the holder is entered as dead: a mark without its entry would look like a loss. */
  end(): void {
    this.#isEnded = true;
    this.drop();
    removeMark(this.#path);
  }

  drop(): void {
    if (this.#handle !== null) closeSync(this.#handle);
    this.#handle = null;
  }
}

const markPath = (dataDir: string, holder: string): string => join(dataDir, "locks", `${holder}${ENDING}`);

const removeMark = (path: string): void => {
  rmSync(path, { force: true });
  syncFolder(join(path, ".."));
};

/** Takes away the marks of holders whose entries are about to be forgotten. */
export const removeMarks = (dataDir: string, holders: readonly string[]): void => {
  for (const holder of holders) removeMark(markPath(dataDir, holder));
};

/** What the marks of all holders say. */
export const readMarks = (dataDir: string): { readonly holder: string; readonly sequence: number }[] => {
  const folder = join(dataDir, "locks");
  return namesIn(folder).flatMap((name) => {
    if (!name.endsWith(ENDING)) return [];
    const sequence = sequenceIn(join(folder, name));
    return sequence === null ? [] : [{ holder: name.slice(0, -ENDING.length), sequence }];
  });
};

const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    // Nobody has opened it yet.
    return [];
  }
};

/** Null when it says nothing that can be relied on: it is gone meanwhile, or was torn. */
const sequenceIn = (path: string): number | null => {
  try {
    const bytes = readFileSync(path);
    const isWhole = bytes.length === BYTES && bytes.readUInt32BE(8) === crc32(bytes.subarray(0, 8));
    return isWhole ? bytes.readDoubleBE(0) : null;
  } catch {
    return null;
  }
};
