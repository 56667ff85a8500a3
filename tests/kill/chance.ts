import { createHash } from "node:crypto";

/** A number in [0, 1) that follows from words alone: the same in every process, after every death. */
export const chanceOf = (words: string): number =>
  createHash("sha256").update(words).digest().readUInt32BE(0) / 2 ** 32;

/** One of these, by the same rule. */
export const pickOf = <Item>(words: string, items: readonly [Item, ...Item[]]): Item =>
  items[Math.floor(chanceOf(words) * items.length)] ?? items[0];

/** A whole number from `least` to `most`, both included. */
export const wholeOf = (words: string, least: number, most: number): number =>
  least + Math.floor(chanceOf(words) * (most - least + 1));
