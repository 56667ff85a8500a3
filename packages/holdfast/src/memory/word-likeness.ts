/**
 * How alike two words are by the three letters in a row that they share, from 0 to 1 (the coefficient of Dice). It sees typing
 * errors and relatives of a word, and knows no meaning.
 */
export const wordLikeness = (one: ReadonlySet<string>, other: string): number => {
  const theirs = trigramsOf(other);
  let shared = 0;
  for (const trigram of theirs) if (one.has(trigram)) shared += 1;
  return (2 * shared) / (one.size + theirs.size);
};

/** The beginning and the end of a word count as letters. */
export const trigramsOf = (word: string): ReadonlySet<string> => {
  const padded = `^${word}$`;
  const trigrams = new Set<string>();
  for (let at = 0; at + 3 <= padded.length; at += 1) trigrams.add(padded.slice(at, at + 3));
  return trigrams;
};
