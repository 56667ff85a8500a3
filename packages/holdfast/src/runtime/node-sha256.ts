import { hash } from "node:crypto";
import type { Sha256 } from "../core/hash-chain.ts";

const DIGEST_BYTES = 32;
const BUFFER_BYTES = 64 * 1024;
const MAX_UTF8_BYTES_A_CHAR = 3;

/**
 * SHA-256 by Node. Both parts are laid side by side and hashed in one call: a hash object for each event
 * costs as much as the hashing. The digest is asked for as characters, one a byte: a `Buffer` of Node's has
 * its memory outside the heap, and making and collecting that costs more than all the rest.
 */
export const sha256: Sha256 = (first, second) => {
  // A file by itself is not copied.
  if (typeof first !== "string" && second === "") return digestOf(first);
  const most = (first.length + second.length) * MAX_UTF8_BYTES_A_CHAR;
  const buffer = most <= BUFFER_BYTES ? shared : Buffer.allocUnsafeSlow(most);
  const middle = put(buffer, first, 0);
  const end = put(buffer, second, middle);
  return digestOf(buffer.subarray(0, end));
};

const digestOf = (bytes: Uint8Array): Uint8Array => {
  const characters = hash("sha256", bytes, "binary");
  const digest = new Uint8Array(DIGEST_BYTES);
  for (let index = 0; index < DIGEST_BYTES; index += 1) digest[index] = characters.charCodeAt(index);
  return digest;
};

const shared = Buffer.allocUnsafeSlow(BUFFER_BYTES);

/** Answers where the part ends. */
const put = (buffer: Buffer, part: Uint8Array | string, at: number): number => {
  if (typeof part === "string") return at + buffer.write(part, at, "utf8");
  buffer.set(part, at);
  return at + part.length;
};
