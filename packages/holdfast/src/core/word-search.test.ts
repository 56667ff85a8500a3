import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { wordsIn, WordSearch } from "./word-search.ts";

const search = (query: string, texts: readonly string[], limit = 10): readonly number[] => {
  const found = new WordSearch<number>(query);
  for (const [index, text] of texts.entries()) found.add(index, text);
  return found.best(limit);
};

describe("a search for words", () => {
  test("puts first what has the rarer words, and leaves out what has none", () => {
    const texts = [
      "the invoice is paid",
      "the ship is late",
      "the ship carries the anchor",
      "nothing at all",
    ];
    expect(search("the anchor", texts)).toEqual([2, 1, 0]);
    expect(search("invoice", texts)).toEqual([0]);
    expect(search("moon", texts)).toEqual([]);
  });

  test("of equals puts the later first, and takes no more than asked for", () => {
    expect(search("same", ["same", "same", "same"], 2)).toEqual([2, 1]);
  });

  test("does not let a long text win by its length", () => {
    expect(search("key", [`key ${"word ".repeat(500)}key`, "the key"])).toEqual([1, 0]);
  });

  test("knows words of any script, upper case and wide forms", () => {
    expect(search("ПРИВЕТ", ["скажи привет"])).toEqual([0]);
    expect(search("风雨", ["暴风雨来临", "港口"])).toEqual([0]);
    expect(search("ABC", ["ａｂｃ"])).toEqual([0]);
    expect(wordsIn("港口的")).toEqual(["港口", "口的"]);
  });

  test("takes any query for words and nothing else", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.array(fc.string({ unit: "binary" })), (query, texts) => {
        const found = search(query, texts);
        expect(new Set(found).size).toBe(found.length);
        for (const index of found)
          expect(wordsIn(texts[index] ?? "").some((word) => wordsIn(query).includes(word))).toBe(true);
      }),
    );
  });
});
