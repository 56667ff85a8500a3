import { jsonLine } from "../../core/recalled.ts";
import type { RunLine } from "../../engine/run-lines.ts";
import type { MemoryRecord } from "../../ports/memory-store.ts";

/** Characters of one line, by who speaks: what the user says counts most. */
const MOST_OF_LINE: { readonly [Who in RunLine["who"]]: number } = {
  user: 8_000,
  assistant: 3_000,
  call: 300,
  tool: 1_000,
};
const MOST_EARLIER = 4_000;
const MOST_OF_ALL = 80_000;

/** The lines that an extraction is shown, cut to what is of use: all of the user's before anything else. */
export const shownLines = (lines: readonly RunLine[]): readonly RunLine[] => {
  const cut = lines.map((line) => ({ ...line, text: line.text.slice(0, MOST_OF_LINE[line.who]) }));
  const own = cut.filter(({ isEarlier }) => !isEarlier);
  const fitting = (["tool", "call", "assistant"] as const).reduce(
    (left, who) => (lengthOf(left) > MOST_OF_ALL ? left.filter((line) => line.who !== who) : left),
    own,
  );
  const earlier = cut.filter(({ isEarlier, who }) => isEarlier && (who === "user" || who === "assistant"));
  return [...lastOf(earlier, MOST_EARLIER), ...lastOf(fitting, MOST_OF_ALL)];
};

const lengthOf = (lines: readonly RunLine[]): number => lines.reduce((sum, { text }) => sum + text.length, 0);

/** As many of the last ones as there is room for. */
const lastOf = (lines: readonly RunLine[], most: number): readonly RunLine[] => {
  let room = most;
  return lines
    .toReversed()
    .filter(({ text }) => (room -= text.length) >= 0)
    .toReversed();
};

/** What the user and the agent said, as words to look for. */
export const wordsOf = (lines: readonly RunLine[]): string => {
  const said = (who: RunLine["who"]) =>
    lines.flatMap((line) => (line.who === who && !line.isEarlier ? [line.text] : []));
  return [...said("user"), ...said("assistant")].join("\n");
};

/** Lines of JSON: what a text says cannot be taken for a line of its own. */
export const messageOf = (known: readonly MemoryRecord[], lines: readonly RunLine[]): string =>
  [
    "Known already:",
    ...known.map(({ id, kind, subject, text }) => jsonLine({ id, kind, subject, text })),
    "",
    "Said:",
    ...lines.map(({ position, who, text, isEarlier }) =>
      jsonLine({
        at: position,
        who,
        ...(isEarlier ? { earlier: true } : {}),
        text: text.toWellFormed(),
      }),
    ),
  ].join("\n");
