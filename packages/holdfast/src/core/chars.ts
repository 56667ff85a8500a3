/** From here on come scripts of which a tokenizer makes about a token of each character: Greek and Cyrillic a little less, Han, Kana and signs about one. */
const FIRST_DENSE = 0x03_00;

/**
 * How much a text weighs in the window: its characters, in UTF-16 units, those of dense scripts twice. So half of it is never far
 * below the tokens of it, whatever it is written in.
 */
export const charsIn = (text: string): number => {
  let chars = text.length;
  for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) >= FIRST_DENSE) chars += 1;
  return chars;
};

/** The beginning of a text that weighs no more than this, without half a character at its end. */
export const headOf = (text: string, most: number): string => {
  let chars = 0;
  for (let index = 0; index < text.length; index += 1) {
    chars += text.charCodeAt(index) >= FIRST_DENSE ? 2 : 1;
    if (chars > most) return text.slice(0, index).toWellFormed();
  }
  return text;
};
