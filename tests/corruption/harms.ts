import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { PAGE_BYTES } from "../../packages/holdfast/src/stores/sqlite/schema.ts";
import { randomFrom } from "../power-loss/crash-image.ts";
import type { Harm } from "./damage.ts";
import type { Specimen } from "./specimen.ts";

const PAGE = PAGE_BYTES;
/** The log has a head of 32 bytes, and 24 before each page. */
const LOG_HEAD = 32;
const FRAME = PAGE + 24;

/** Files that hold data. Locks and marks prove that something is wrong; nothing is read from them. */
const dataFiles = (dir: string): { readonly file: string; readonly size: number }[] =>
  readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((file) => !file.startsWith("locks") && statSync(join(dir, file)).isFile())
    .map((file) => ({ file, size: statSync(join(dir, file)).size }));

/** Where each page of a file begins. */
const pagesOf = ({ file, size }: { readonly file: string; readonly size: number }): number[] => {
  const [first, step] = file.endsWith("-wal") ? [LOG_HEAD, FRAME] : [0, PAGE];
  return Array.from({ length: Math.ceil((size - first) / step) }, (_, index) => first + index * step);
};

/** Every page of every file: emptied, overwritten, cut off at its start and in its middle, one bit changed. */
export const pageHarms = ({ dir }: Specimen, seed: number): Harm[] => {
  const random = randomFrom(seed);
  const within = (from: number, size: number): number =>
    Math.min(size - 1, from + Math.floor(random() * PAGE));
  return dataFiles(dir).flatMap(({ file, size }) => [
    { file, kind: "remove" } as const,
    ...pagesOf({ file, size }).flatMap((at): Harm[] => [
      { file, kind: "zero", at, length: PAGE },
      { file, kind: "noise", at, length: PAGE },
      { file, kind: "truncate", size: at },
      { file, kind: "truncate", size: Math.min(size - 1, at + PAGE / 2) },
      { file, kind: "flip", at: within(at, size), bit: Math.floor(random() * 8) },
    ]),
  ]);
};

/** Single bits anywhere, most of them where most is decided: in the database and its log. */
export const randomFlips = ({ dir }: Specimen, { count, seed }: { count: number; seed: number }): Harm[] => {
  const random = randomFrom(seed);
  const files = dataFiles(dir);
  const main = files.filter(({ file }) => file.startsWith("holdfast.db"));
  return Array.from({ length: count }, (): Harm => {
    const from = random() < 0.97 ? main : files;
    const { file, size } = from[Math.floor(random() * from.length)] ?? { file: "holdfast.db", size: 1 };
    return { file, kind: "flip", at: Math.floor(random() * size), bit: Math.floor(random() * 8) };
  });
};
