import { baseForm } from "./irregular-forms.ts";
import { porterStem } from "./porter-stem.ts";

/** Words that stand in nearly every English sentence, and tell no two apart. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  `a about after all also am an and any are as at be because been before being but by can could did do does doing for from had has have
having he her hers him his how i if in into is it its just me might my of on or our out over own she should so some such than that the
their them then there these they this those to too under up us very was we were what when where which while who whom why will with would
you your yours s t d ll m re ve don`.split(/\s+/),
);

/** Letters and digits with the marks that belong to them. What follows an apostrophe is a word of its own. */
const WORD = /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu;
/** Writing without spaces between words: its characters are taken in pairs. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;
const MAX_WORD_CHARS = 40;

export type TokeniseOptions = {
  /** Other forms of a word count as the same; true by default. */
  readonly stem?: boolean;
  /** True for words that tell nothing as well. */
  readonly all?: boolean;
};

/** The words of a text as the index has them: without case, accents and endings. Total: any string has some, or none. */
export const tokenise = (text: string, { stem = true, all = false }: TokeniseOptions = {}): string[] => {
  const plain = text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();
  return (plain.match(WORD) ?? []).flatMap((word) => {
    if (UNSPACED.test(word)) return pairsOf(word);
    if (!all && STOP_WORDS.has(word)) return [];
    return [(stem ? porterStem(baseForm(word)) : word).slice(0, MAX_WORD_CHARS)];
  });
};

const pairsOf = (word: string): string[] => {
  const characters = Array.from(word);
  if (characters.length === 1) return characters;
  return characters.slice(1).map((character, index) => `${characters[index] ?? ""}${character}`);
};
