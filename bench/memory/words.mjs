/** The same chance every time: a generator of Lehmer's. */
export const seeded = (seed) => {
  let state = seed;
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below;
};

const DIFFERENT = 30_000;
const CONSONANTS = "bdfgklmnprstvz";
const VOWELS = "aeiou";

/** Words as often as those of a language are: the n-th of them a n-th as often as the first (Zipf). */
export const wordsOf = (chance) => () =>
  spelt(Math.floor(Math.exp((chance(1e6) / 1e6) * Math.log(DIFFERENT))));

const spelt = (number) => {
  let word = "";
  for (let left = number * 7_919 + 13; left > 0; left = Math.floor(left / 37))
    word += CONSONANTS[left % CONSONANTS.length] + VOWELS[(left >> 4) % VOWELS.length];
  return word;
};
