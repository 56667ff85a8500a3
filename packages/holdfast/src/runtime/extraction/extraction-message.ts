import { jsonLine } from "../../core/recalled.ts";
import type { RunLine, RunTelling } from "../../engine/run-lines.ts";
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

/** Who gives way first when there is too much. */
const GIVES_WAY: readonly RunLine["who"][] = ["tool", "call", "assistant"];

/** The lines that an extraction is shown, cut to what is of use: all of the user's before anything else. */
export const shownLines = async (telling: RunTelling): Promise<readonly RunLine[]> => {
  const shown = new ShownLines();
  return (await telling((line) => shown.add(line))) ? shown.lines() : [];
};

/** They are given from the last to the first, and of a long run no more is held than may be shown. */
class ShownLines {
  /** The last first. */
  #own: RunLine[] = [];
  readonly #earlier: RunLine[] = [];
  readonly #lengths = new Map<RunLine["who"], number>();
  #roomForEarlier = MOST_EARLIER;

  add(line: RunLine): void {
    const text = cutTo(line.text, MOST_OF_LINE[line.who]);
    if (line.isEarlier) this.#addEarlier({ ...line, text });
    else this.#addOwn({ ...line, text });
  }

  /** From the first to the last. */
  lines(): readonly RunLine[] {
    const own = GIVES_WAY.reduce(
      (left, who) => (lengthOf(left) > MOST_OF_ALL ? left.filter((line) => line.who !== who) : left),
      this.#own,
    );
    return [...this.#earlier.toReversed(), ...own.toReversed()];
  }

  #addOwn(line: RunLine): void {
    const { who } = line;
    const length = (this.#lengths.get(who) ?? 0) + line.text.length;
    this.#lengths.set(who, length);
    if (length <= MOST_OF_ALL) this.#own.push(line);
    // What is too much by itself gives way whatever else there is; of the user's own the last stay.
    else if (who !== "user") this.#own = this.#own.filter((one) => one.who !== who);
  }

  #addEarlier(line: RunLine): void {
    if (line.who !== "user" && line.who !== "assistant") return;
    this.#roomForEarlier -= line.text.length;
    if (this.#roomForEarlier >= 0) this.#earlier.push(line);
  }
}

/** A copy: what is cut out of a long text would keep all of it. */
const cutTo = (text: string, most: number): string =>
  text.length <= most ? text : Buffer.from(text.slice(0, most), "utf16le").toString("utf16le");

const lengthOf = (lines: readonly RunLine[]): number => lines.reduce((sum, { text }) => sum + text.length, 0);

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
