/** The three letters in a row that a word has. The beginning and the end of a word count as letters. */
export type Trigrams = {
  readonly exact: ReadonlySet<string>;
  /** The same as small numbers: several can have one, so what is not there is in no case shared. */
  readonly rough: ReadonlySet<number>;
};

export const trigramsOf = (word: string): Trigrams => {
  const rough = new Set<number>();
  eachRough(word, (code) => void rough.add(code));
  return { exact: exactOf(word), rough };
};

/**
 * How alike two words are by the three letters in a row that they share, from 0 to 1 (the coefficient of Dice); 0 where that is less
 * than `least`. It sees typing errors and relatives of a word, and knows no meaning.
 */
export const wordLikeness = ({ exact, rough }: Trigrams, other: string, least: number): number => {
  // Of n and m trigrams s are shared: 2s/(n+m) is at least `least` only where s is at least n · least/(2-least), as m is s or more.
  // Most words share next to nothing, and are done with here.
  let mostShared = 0;
  eachRough(other, (code) => {
    if (rough.has(code)) mostShared += 1;
  });
  if (mostShared * (2 - least) < exact.size * least) return 0;
  const theirs = exactOf(other);
  const likeness = (2 * exact.intersection(theirs).size) / (exact.size + theirs.size);
  return likeness >= least ? likeness : 0;
};

const LENGTH = 3;
const BEGIN = "^";
const END = "$";

const exactOf = (word: string): ReadonlySet<string> => {
  const padded = `${BEGIN}${word}${END}`;
  const trigrams = new Set<string>();
  for (let at = 0; at + LENGTH <= padded.length; at += 1) trigrams.add(padded.slice(at, at + LENGTH));
  return trigrams;
};

/** Each trigram as a number that is small enough to be no object of its own. */
const eachRough = (word: string, use: (code: number) => void): void => {
  let first = BEGIN.charCodeAt(0);
  let second = word.charCodeAt(0);
  for (let at = 1; at <= word.length; at += 1) {
    const third = at < word.length ? word.charCodeAt(at) : END.charCodeAt(0);
    use(((first << 14) ^ (second << 7) ^ third) & 0x3fff_ffff);
    first = second;
    second = third;
  }
};
