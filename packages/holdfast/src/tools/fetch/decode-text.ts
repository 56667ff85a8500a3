import { TextDecoder } from "node:util";
import type { ContentType } from "./content-type.ts";

/** How far into a page it may say its own encoding. */
const HEAD_BYTES = 1_024;

/**
 * Bytes as text. The encoding is that of the byte order mark, else of the header, else what the page says of itself, else UTF-8; a
 * name that nobody knows counts as none. What does not decode becomes U+FFFD. Total.
 */
export const decodeText = (bytes: Uint8Array, { charset }: ContentType): string => {
  const named = [ofMark(bytes), charset, ofPage(bytes)].map(decoderOf).find((decoder) => decoder !== null);
  return (named ?? new TextDecoder()).decode(bytes);
};

const ofMark = (bytes: Uint8Array): string | null => {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return "utf-8";
  if (a === 0xfe && b === 0xff) return "utf-16be";
  return a === 0xff && b === 0xfe ? "utf-16le" : null;
};

const SAID = [
  /<meta\s[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})/i,
  /^\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})/i,
];

const ofPage = (bytes: Uint8Array): string | null => {
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, HEAD_BYTES));
  const said = SAID.map((pattern) => pattern.exec(head)?.[1]).find((found) => found !== undefined);
  // A page whose letters can be read one by one is not in UTF-16, whatever it says (WHATWG HTML, 13.2.3.2).
  return said === undefined || /^utf-?16/i.test(said) ? null : said;
};

const decoderOf = (label: string | null): TextDecoder | null => {
  if (label === null) return null;
  try {
    return new TextDecoder(label);
  } catch {
    return null;
  }
};
