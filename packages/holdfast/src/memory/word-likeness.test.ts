import fc from "fast-check";
import { expect, it } from "vitest";
import { trigramsOf, wordLikeness } from "./word-likeness.ts";

it("sees typing errors, and no meaning", () => {
  const likeness = (one: string, other: string) => wordLikeness(trigramsOf(one), other, 0.5);
  expect(likeness("kayak", "kayak")).toBe(1);
  expect(likeness("kayack", "kayak")).toBeGreaterThan(0.5);
  expect(likeness("kayak", "canoe")).toBe(0);
  expect(likeness("", "")).toBe(0);
});

it("is what the coefficient of Dice says, from the least that is asked for on", () => {
  const plain = (one: string, other: string): number => {
    const all = (word: string) =>
      new Set(Array.from({ length: word.length }, (_, at) => `^${word}$`.slice(at, at + 3)));
    const [left, right] = [all(one), all(other)];
    return left.size + right.size === 0 ? 0 : (2 * left.intersection(right).size) / (left.size + right.size);
  };
  const word = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "b", "n"), maxLength: 12 }),
    fc.string({ unit: "grapheme", maxLength: 8 }),
  );
  fc.assert(
    fc.property(word, word, fc.double({ min: 0.01, max: 1, noNaN: true }), (one, other, least) => {
      const expected = plain(one, other);
      expect(wordLikeness(trigramsOf(one), other, least)).toBe(expected < least ? 0 : expected);
    }),
    { numRuns: 2_000 },
  );
});
