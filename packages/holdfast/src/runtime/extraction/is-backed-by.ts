import type { RunLine } from "../../engine/run-lines.ts";

type Backing = {
  readonly evidence: readonly RunLine[];
  readonly byUser: Words;
  readonly byOthers: Words;
};

/**
 * Whether a statement can be the user's own. It cites something that the user said; and no name, number or address in it was said by
 * a tool and not by the user, so that what a stranger wrote is not vouched for by citing another line.
 */
export const isBackedBy = (text: string, { evidence, byUser, byOthers }: Backing): boolean => {
  if (!evidence.some(({ who }) => who === "user")) return false;
  return tokensIn(text).every((token, index) => {
    // K8: an address can be written in many ways, so it is the user's own where the user wrote it, and nowhere else
    if (ADDRESS.test(token)) return byUser.folded.has(folded(token));
    const isFirst = index === 0;
    return namesIn(token, isFirst ? byOthers.asWritten : null).every(
      (name) => byUser.folded.has(name) || !byOthers.folded.has(name),
    );
  });
};

const TOKEN = /[\p{L}\p{N}][\p{L}\p{M}\p{N}@._+/:-]*[\p{L}\p{M}\p{N}]|[\p{L}\p{N}]/gu;
const BETWEEN_PARTS = /[@._+/:-]+/u;
const ADDRESS = /@|:\/\/|\p{L}{2}\.\p{L}{2}/u;
const DAY = /^\d{4}-\d\d(-\d\d)?$/;
/** Shorter numbers are in everything. */
const LEAST_NUMBER = 4;

/** What is not seen parts no word. */
const tokensIn = (text: string): readonly string[] =>
  text
    .normalize("NFKC")
    .replaceAll(/\p{Cf}/gu, "")
    .match(TOKEN) ?? [];

const folded = (token: string): string => token.toLowerCase();

/** The words of texts, and of words that are put together also the parts. */
export class Words {
  readonly asWritten = new Set<string>();
  readonly folded = new Set<string>();

  add(text: string): void {
    for (const token of tokensIn(text))
      for (const part of [token, ...token.split(BETWEEN_PARTS)]) this.#note(part);
  }

  #note(word: string): void {
    this.asWritten.add(word);
    this.folded.add(folded(word));
  }
}

/**
 * What is no common word in a token: what has a capital letter, a digit, or a sign in it, and such parts of it. The first word of a
 * statement has a capital letter anyway: it is none where others have it without.
 */
const namesIn = (token: string, firstAmong: ReadonlySet<string> | null): readonly string[] => {
  const isCommon = firstAmong?.has(folded(token)) ?? false;
  const whole = /[\p{N}@._+/:]/u.test(token) || (/^\p{Lu}/u.test(token) && !isCommon) ? [token] : [];
  const parts = DAY.test(token) ? [] : token.split(BETWEEN_PARTS);
  const named = parts.length < 2 ? [] : parts.filter(isNamePart);
  return [...whole, ...named].map(folded);
};

const isNamePart = (part: string, index: number): boolean =>
  /\p{N}/u.test(part) ? part.length >= LEAST_NUMBER : index > 0 && /^\p{Lu}/u.test(part);
