/** What somebody says to an agent that remembers: a fact that is read out of it, one that a page tells, or one that it is to keep. */
export type Saying = "note" | "look" | "keep";

export const saysOf = (saying: Saying, noun: string, word: string): string =>
  `${saying} archive ${noun}: ${word}`;

/** What comes into the memory of each. */
export const FACT_OF: { readonly [Each in Saying]: (noun: string, word: string) => string } = {
  note: (noun, word) => `archive ${noun} is ${word}`,
  look: (_, word) => `archive page says p${word}`,
  keep: (noun, word) => `archive keeps ${word} of ${noun}`,
};

/** What a page says that nobody has vouched for. */
export const pageOf = (word: string): string => `The page says p${word}.`;

const SAID = /^(note|look|keep) archive (\w+): (\w+)$/;

/** What was said so; null where it was something else. */
export const saidIn = (
  text: string,
): { readonly saying: Saying; readonly noun: string; readonly word: string } | null => {
  const [, saying, noun = "", word = ""] = SAID.exec(text) ?? [];
  return saying === "note" || saying === "look" || saying === "keep" ? { saying, noun, word } : null;
};
