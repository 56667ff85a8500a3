/** How fast more of the same word stops counting, and how much a long text is held against: as Robertson and Zaragoza (2009) have them for BM25. */
const SATURATION = 1.2;
const LENGTH_SHARE = 0.75;

/** Letters and digits of any script. */
const WORD = /[\p{L}\p{N}]+/gu;
/** Scripts that put no spaces between words: taken by pairs of characters. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;

/** The words of a text, in lower case. */
export const wordsIn = (text: string): readonly string[] => wordsOf(text.normalize("NFKC").toLowerCase());

const wordsOf = (text: string): readonly string[] => {
  const words = text.match(WORD) ?? [];
  // Most texts have no such script, and are not looked at word by word.
  return UNSPACED.test(text)
    ? words.flatMap((word) => (UNSPACED.test(word) ? pairsOf(word) : [word]))
    : words;
};

const pairsOf = (word: string): readonly string[] => {
  const signs = Array.from(word);
  return signs.length < 2 ? signs : signs.slice(1).map((sign, index) => `${signs[index] ?? ""}${sign}`);
};

type Found<Item> = { readonly item: Item; readonly counts: readonly number[]; readonly length: number };

/**
 * Finds the texts that have most of the words of a query (BM25), in one pass and without an index: it holds only what has a
 * word of it.
 */
export class WordSearch<Item> {
  readonly #words: readonly string[];
  readonly #found: Found<Item>[] = [];
  #texts = 0;
  #length = 0;

  constructor(query: string) {
    this.#words = [...new Set(wordsIn(query))];
  }

  add(item: Item, text: string): void {
    const words = wordsIn(text);
    this.#texts += 1;
    this.#length += words.length;
    const places = new Map(this.#words.map((word, index) => [word, index]));
    const counts = this.#words.map(() => 0);
    for (const word of words) {
      const index = places.get(word);
      if (index !== undefined) counts[index] = (counts[index] ?? 0) + 1;
    }
    if (counts.some((count) => count > 0)) this.#found.push({ item, counts, length: words.length });
  }

  /** The best of those that are wanted, the first of them first; of those that are as good the later ones. */
  best(limit: number, isWanted: (item: Item) => boolean = () => true): readonly Item[] {
    const weights = this.#words.map((_, index) => {
      const having = this.#found.filter(({ counts }) => (counts[index] ?? 0) > 0).length;
      return Math.log(1 + (this.#texts - having + 0.5) / (having + 0.5));
    });
    const mean = this.#length / Math.max(1, this.#texts);
    const scoreOf = ({ counts, length }: Found<Item>): number => {
      const long = SATURATION * (1 - LENGTH_SHARE + (LENGTH_SHARE * length) / Math.max(1, mean));
      return counts.reduce(
        (sum, count, index) => sum + ((weights[index] ?? 0) * count * (SATURATION + 1)) / (count + long),
        0,
      );
    };
    return this.#found
      .filter(({ item }) => isWanted(item))
      .map((found, index) => ({ item: found.item, score: scoreOf(found), index }))
      .toSorted((left, right) => right.score - left.score || right.index - left.index)
      .slice(0, limit)
      .map(({ item }) => item);
  }
}
