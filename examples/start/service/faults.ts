/** What can go wrong with a request, on purpose. */
export type Fault = "none" | "rate-limit" | "error-before" | "error-after" | "hang" | "cut";

const WRITE_FAULTS: readonly Fault[] = ["rate-limit", "cut", "hang", "error-before", "error-after"];
const READ_FAULTS: readonly Fault[] = ["rate-limit", "error-before", "hang", "cut"];

/** Every third request goes wrong, beginning with the second. */
const PERIOD = 3;
const FIRST = 1;

/** A number in [0, 1) made from a text; the same for the same text. */
const chance = (text: string): number => {
  let hash = 0x811c9dc5;
  for (const letter of text) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
};

/**
 * Deals out faults, the same ones for the same seed: all kinds once, in an order made from the seed, then
 * all of them again in another order.
 */
export const createFaults = (seed: string, kind: "read" | "write"): (() => Fault) => {
  const kinds = kind === "write" ? WRITE_FAULTS : READ_FAULTS;
  let requests = 0;
  return () => {
    const index = requests++;
    if (index % PERIOD !== FIRST) return "none";
    const nth = Math.floor(index / PERIOD);
    const round = Math.floor(nth / kinds.length);
    const dealt = kinds.toSorted(
      (left, right) => chance(`${seed}:${round}:${left}`) - chance(`${seed}:${round}:${right}`),
    );
    return dealt[nth % kinds.length] ?? "none";
  };
};
