import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RunLine } from "../../engine/run-lines.ts";
import { shownLines } from "./extraction-message.ts";

const MOST = { user: 8_000, assistant: 3_000, call: 300, tool: 1_000 };
const WHO = ["user", "assistant", "call", "tool"] as const;

const lengthOf = (lines: readonly RunLine[]): number => lines.reduce((sum, { text }) => sum + text.length, 0);

const lastOf = (lines: readonly RunLine[], most: number): readonly RunLine[] => {
  let room = most;
  return lines
    .toReversed()
    .filter(({ text }) => (room -= text.length) >= 0)
    .toReversed();
};

/** What is shown of lines that are all there at once. */
const shownOf = (lines: readonly RunLine[]): readonly RunLine[] => {
  const cut = lines.map((line) => ({ ...line, text: line.text.slice(0, MOST[line.who]) }));
  let own: readonly RunLine[] = cut.filter(({ isEarlier }) => !isEarlier);
  for (const gone of ["tool", "call", "assistant"])
    if (lengthOf(own) > 80_000) own = own.filter(({ who }) => who !== gone);
  const earlier = cut.filter(({ isEarlier, who }) => isEarlier && (who === "user" || who === "assistant"));
  return [...lastOf(earlier, 4_000), ...lastOf(own, 80_000)];
};

const told = (lines: readonly RunLine[]): Promise<readonly RunLine[]> =>
  shownLines(async (tell) => {
    for (const line of lines.toReversed()) tell(line);
    return true;
  });

const LINES = fc
  .array(
    fc.record({
      who: fc.constantFrom(...WHO),
      length: fc.integer({ min: 0, max: 9_000 }),
      isEarlier: fc.boolean(),
    }),
    { maxLength: 120 },
  )
  .map((made): readonly RunLine[] =>
    made.map(({ who, length, isEarlier }, position) => ({
      position,
      at: position,
      who,
      text: `${position}`.repeat(length),
      isEarlier,
    })),
  );

describe("the lines that an extraction is shown", () => {
  it("are the same whether all are there at once or come one by one", async () => {
    await fc.assert(
      fc.asyncProperty(LINES, async (lines) => {
        expect(await told(lines)).toEqual(shownOf(lines));
      }),
    );
  });

  it("leave a character that was cut in two as it was cut", async () => {
    const text = `${"x".repeat(299)}\u{1F600}`;
    const [shown] = await told([{ position: 1, at: 1, who: "call", text, isEarlier: false }]);
    expect(shown?.text).toBe(text.slice(0, 300));
  });

  it("J4 are none where what was told may not be used", async () => {
    const line: RunLine = { position: 1, at: 1, who: "user", text: "x", isEarlier: false };
    const telling = async (tell: (line: RunLine) => void): Promise<boolean> => {
      tell(line);
      return false;
    };
    expect(await shownLines(telling)).toEqual([]);
  });
});
