/** Chance that follows from a seed: the same seed and the same questions give the same answers. */
export type Random = {
  /** A number in [0, 1). */
  readonly next: () => number;
  /** A whole number from `least` to `most`, both included. */
  readonly between: (least: number, most: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <Item>(items: readonly [Item, ...Item[]]) => Item;
  /** One of these, or undefined when there is none. */
  readonly any: <Item>(items: readonly Item[]) => Item | undefined;
};

/** A mulberry32 generator: 32 bits of state, the same on every machine. */
export const createRandom = (seed: number): Random => {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const below = (count: number): number => Math.floor(next() * count);
  return {
    next,
    between: (least, most) => least + below(most - least + 1),
    chance: (probability) => next() < probability,
    pick: (items) => items[below(items.length)] ?? items[0],
    any: (items) => items[below(items.length)],
  };
};

/**
 * Chance of its own for one part of a seed's world, by name: what is drawn here moves nothing that is drawn
 * elsewhere, so a part can be added without changing what the other parts of every seed do.
 */
export const asideOf = (seed: number, name: string): Random => {
  let mixed = seed;
  for (const char of name) mixed = Math.imul(mixed ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return createRandom(mixed);
};
