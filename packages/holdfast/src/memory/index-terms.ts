import type { MemoryRecord } from "../ports/memory-store.ts";
import { tokenise } from "./tokenise.ts";

/** A word of the text counts twice as much as one of the context: measured with `bench/locomo.mjs`, where a quarter found less, and more than a half no more. */
const TEXT_UNITS = 2;
const MAX_UNITS = 4_095;

export type IndexedTerms = {
  /** How often each word is there, in halves of a word. */
  readonly units: ReadonlyMap<string, number>;
  /** All of them together. */
  readonly length: number;
};

/** What a record is found by. */
export const indexTerms = (
  { text, context, subject }: Pick<MemoryRecord, "text" | "context" | "subject">,
  options: { readonly stem?: boolean } = {},
): IndexedTerms => {
  const units = new Map<string, number>();
  let length = 0;
  const count = (words: readonly string[], weight: number): void => {
    for (const word of words) units.set(word, Math.min((units.get(word) ?? 0) + weight, MAX_UNITS));
    length += words.length * weight;
  };
  count(tokenise(text, options), TEXT_UNITS);
  count(tokenise(subject ?? "", options), TEXT_UNITS);
  count(tokenise(context ?? "", options), 1);
  return { units, length };
};
