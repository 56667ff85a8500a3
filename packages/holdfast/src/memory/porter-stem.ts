/**
 * The stem of an English word, by the algorithm of M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980: different
 * forms of a word become one. Words of other letters than a to z stay as they are.
 */
export const porterStem = (word: string): string => {
  if (word.length < 3 || !/^[a-z]+$/.test(word)) return word;
  return STEPS.reduce((stem, step) => step(stem), word);
};

const CONSONANT = "(?:[^aeiouy]|(?<=[aeiou])y|^y)";
const VOWEL = "(?:[aeiou]|(?<![aeiou]|^)y)";
const HAS_VOWEL = new RegExp(VOWEL);
const ENDS_DOUBLE = /([^aeiouy])\1$/;
const ENDS_SHORT = new RegExp(`${CONSONANT}${VOWEL}(?![wxy])${CONSONANT}$`);
const SEQUENCES = new RegExp(`${VOWEL}+${CONSONANT}+`, "g");

/** How often vowels are followed by consonants: what is left of a word has to be long enough to be one. */
const measure = (stem: string): number => stem.match(SEQUENCES)?.length ?? 0;

type Step = (word: string) => string;

const plural: Step = (word) => {
  if (word.endsWith("sses") || word.endsWith("ies")) return word.slice(0, -2);
  return word.endsWith("s") && !word.endsWith("ss") ? word.slice(0, -1) : word;
};

const past: Step = (word) => {
  if (word.endsWith("eed")) return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word;
  const ending = ["ed", "ing"].find((each) => word.endsWith(each));
  if (ending === undefined) return word;
  const stem = word.slice(0, -ending.length);
  return HAS_VOWEL.test(stem) ? mended(stem) : word;
};

/** What `-ed` and `-ing` took with them is put back: hop(p), fil(e). */
const mended = (stem: string): string => {
  if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (ENDS_DOUBLE.test(stem) && !/[lsz]$/.test(stem)) return stem.slice(0, -1);
  return measure(stem) === 1 && ENDS_SHORT.test(stem) ? `${stem}e` : stem;
};

const lastY: Step = (word) =>
  word.endsWith("y") && HAS_VOWEL.test(word.slice(0, -1)) ? `${word.slice(0, -1)}i` : word;

/** The first ending that fits is replaced, if more than so much of the word is left. */
const replacing =
  (endings: readonly (readonly [string, string])[], least: number): Step =>
  (word) => {
    const found = endings.find(([ending]) => word.endsWith(ending));
    if (found === undefined) return word;
    const stem = word.slice(0, -found[0].length);
    return measure(stem) > least ? stem + found[1] : word;
  };

const doubled = replacing(
  [
    ["ational", "ate"],
    ["tional", "tion"],
    ["enci", "ence"],
    ["anci", "ance"],
    ["izer", "ize"],
    ["abli", "able"],
    ["alli", "al"],
    ["entli", "ent"],
    ["eli", "e"],
    ["ousli", "ous"],
    ["ization", "ize"],
    ["ation", "ate"],
    ["ator", "ate"],
    ["alism", "al"],
    ["iveness", "ive"],
    ["fulness", "ful"],
    ["ousness", "ous"],
    ["aliti", "al"],
    ["iviti", "ive"],
    ["biliti", "ble"],
  ],
  0,
);

const derived = replacing(
  [
    ["icate", "ic"],
    ["ative", ""],
    ["alize", "al"],
    ["iciti", "ic"],
    ["ical", "ic"],
    ["ful", ""],
    ["ness", ""],
  ],
  0,
);

const single = replacing(
  "ement ance ence able ible ment ant ent ism ate iti ous ive ize al er ic ou"
    .split(" ")
    .map((ending) => [ending, ""] as const),
  1,
);

const stripped: Step = (word) => {
  const stem = word.slice(0, -3);
  if (word.endsWith("sion") || word.endsWith("tion")) return measure(stem) > 1 ? stem : word;
  return single(word);
};

const lastE: Step = (word) => {
  if (!word.endsWith("e")) return word;
  const stem = word.slice(0, -1);
  const size = measure(stem);
  return size > 1 || (size === 1 && !ENDS_SHORT.test(stem)) ? stem : word;
};

const lastL: Step = (word) => (word.endsWith("ll") && measure(word) > 1 ? word.slice(0, -1) : word);

const STEPS: readonly Step[] = [plural, past, lastY, doubled, derived, stripped, lastE, lastL];
