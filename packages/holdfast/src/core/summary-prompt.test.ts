import { describe, expect, it } from "vitest";
import { readSummary } from "./summary-prompt.ts";

const read = (text: string) => readSummary(text, { positions: new Set([7]), room: 10_000 });

describe("a summary that a model wrote", () => {
  it("is read however its headings are set off", () => {
    for (const heading of ["Facts", "## Facts:", "**Facts:**", "**Facts**:", "2. FACT _:_", "> - facts  : "])
      expect(read(`${heading}\n- [7] it is so`)).toEqual(["Facts:", "- [7] it is so"]);
  });

  it("has no heading where the word is part of what is said", () => {
    expect(read("Facts: it is so")).toBeNull();
    expect(read("Goals\n- Done: nothing yet of it")).toEqual(["Goals:", "- Done: nothing yet of it"]);
  });

  it("is read in no more time than its length takes, whatever is in it", () => {
    const long = 1_000_000;
    for (const sign of [" ", "*", "_", ":", "-", "1", "[7] ", "`"])
      for (const text of [`done${sign.repeat(long)}x`, `${sign.repeat(long)}done`, `- ${sign.repeat(long)}`])
        expect(() => read(`Goals:\n${text}\nFacts:`)).not.toThrow();
  });
});
