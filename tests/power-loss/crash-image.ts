import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { applyName, type DiskFile, type DiskFolder, type Node } from "./disk.ts";

/** What a loss of power leaves of everything that was not synced. */
export const LOSSES = [
  "none",
  "all",
  "some-writes",
  "last-writes",
  "mixed-sectors",
  "torn",
  "garbage",
] as const;

export type Loss = (typeof LOSSES)[number];

/** Numbers from a seed, 0 ≤ n < 1. */
export type Random = () => number;

export const randomFrom = (seed: number): Random => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

/** The smallest piece that a disk writes whole. */
const SECTOR = 512;

/** Files that are rebuilt from others, and stay out of the image. */
const REBUILT = /-shm$/;

/** Writes to `target` what would be found of `folder` after the loss. */
export const writeImage = (
  folder: DiskFolder,
  target: string,
  { loss, random }: { readonly loss: Loss; readonly random: Random },
): void => {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const [name, node] of namesLeft(folder, loss, random)) {
    const path = join(target, name);
    if (node.kind === "folder") writeImage(node, path, { loss, random });
    else if (!REBUILT.test(name)) writeFileSync(path, bytesLeft(node, loss, random));
  }
};

/** Names change in their order: a folder is a prefix of what was done to it. */
const namesLeft = (folder: DiskFolder, loss: Loss, random: Random): Map<string, Node> => {
  const names = new Map(folder.durable);
  const total = folder.unsynced.length;
  const kept = loss === "none" ? 0 : loss === "all" ? total : Math.floor(random() * (total + 1));
  for (const change of folder.unsynced.slice(0, kept)) applyName(names, change);
  return names;
};

/** A file that is being put together. */
class Image {
  #bytes: Buffer;
  #size: number;

  constructor(durable: Buffer, most: number) {
    this.#bytes = Buffer.alloc(Math.max(durable.length, most));
    durable.copy(this.#bytes);
    this.#size = durable.length;
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }

  put(at: number, data: Buffer): void {
    data.copy(this.#bytes, at);
    this.#size = Math.max(this.#size, at + data.length);
  }

  cut(size: number): void {
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    this.#size = size;
  }
}

const bytesLeft = (file: DiskFile, loss: Loss, random: Random): Buffer => {
  if (loss === "none" || file.unsynced.length === 0) return file.durable;
  const most = file.unsynced.reduce(
    (size, change) => Math.max(size, change.kind === "write" ? change.at + change.data.length : change.size),
    0,
  );
  const image = new Image(file.durable, most);
  const last = file.unsynced.length - 1;
  const chance = 0.1 + random() * 0.8;
  const tornAt = Math.floor(random() * file.unsynced.length);
  for (const [index, change] of file.unsynced.entries()) {
    const isKept = keeps(loss, { index, last, tornAt, chance, random });
    if (change.kind === "truncate") {
      if (isKept) image.cut(change.size);
      continue;
    }
    if (isKept) image.put(change.at, change.data);
    else if (loss === "mixed-sectors" || loss === "garbage" || loss === "torn")
      putPieces(image, change, { loss, random, isTorn: index === tornAt });
  }
  return image.bytes;
};

type Draw = {
  readonly index: number;
  readonly last: number;
  readonly tornAt: number;
  readonly chance: number;
  readonly random: Random;
};

/** Whether a change is there as a whole. */
const keeps = (loss: Loss, { index, last, tornAt, chance, random }: Draw): boolean => {
  switch (loss) {
    case "none":
      return false;
    case "all":
      return true;
    case "some-writes":
      return random() < chance;
    case "last-writes":
      // The later ones overtook the earlier ones.
      return index >= last - Math.floor(random() * 3);
    case "torn":
      return index < tornAt;
    case "mixed-sectors":
    case "garbage":
      return random() < chance / 2;
  }
};

/** Parts of a write: each sector of it is there, or is not, or holds nothing that was ever written. */
const putPieces = (
  image: Image,
  { at, data }: { readonly at: number; readonly data: Buffer },
  { loss, random, isTorn }: { readonly loss: Loss; readonly random: Random; readonly isTorn: boolean },
): void => {
  if (loss === "torn" && !isTorn) return;
  let from = 0;
  while (from < data.length) {
    const to = Math.min(data.length, from + SECTOR - ((at + from) % SECTOR));
    const piece = data.subarray(from, to);
    const draw = random();
    if (draw < 0.5) image.put(at + from, piece);
    else if (draw < 0.7 && loss === "garbage") image.put(at + from, noise(piece.length, random));
    from = to;
  }
};

const noise = (length: number, random: Random): Buffer => {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index += 4) {
    bytes.fill(Math.floor(random() * 256), index, index + 4);
  }
  return bytes;
};
