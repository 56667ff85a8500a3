/** Guards whose removal the first look has found, a line each in `found-at-once.txt`: what the quick draw draws from. */
import { readFileSync, writeFileSync } from "node:fs";

const FILE = new URL("found-at-once.txt", import.meta.url);

export const readFoundAtOnce = (): ReadonlySet<string> =>
  new Set(
    readFileSync(FILE, "utf8")
      .split("\n")
      .filter((line) => line !== ""),
  );

/** Takes note of what was found, and of what was looked for and not found. */
export const noteFoundAtOnce = (found: readonly string[], missed: readonly string[]): void => {
  const gone = new Set(missed);
  const all = new Set([...readFoundAtOnce(), ...found].filter((id) => !gone.has(id)));
  writeFileSync(
    FILE,
    [...all]
      .toSorted()
      .map((id) => `${id}\n`)
      .join(""),
  );
};
