/**
 * The hash chain (J4).
 *
 *   content digest = SHA-256(salt ‖ payload bytes)
 *   event hash     = SHA-256(previous hash ‖ header bytes), the header holding the content digest
 *
 * Hashes cover the exact bytes that are stored; verifying never serialises again. Erasing an event
 * deletes payload and salt: the digest stays in the header, and without the salt it says nothing
 * about what was there.
 */

/** SHA-256 over the concatenation of its parts; strings count as UTF-8. Given from outside: core is pure. */
export type Sha256 = (first: Uint8Array | string, second: Uint8Array | string) => Uint8Array;

/** What the first event of a journal is chained to: 32 zero bytes. */
export const GENESIS_HASH: Uint8Array = new Uint8Array(32);

/** An event as its bytes are stored. */
export type StoredEvent = {
  readonly position: number;
  /** JSON of the envelope and the header. */
  readonly header: string;
  /** JSON of the payload; null where there is none and where it was erased. */
  readonly payload: string | null;
  /** 32 random bytes; null where there is no payload and where it was erased. */
  readonly salt: Uint8Array | null;
  /** 32 bytes. */
  readonly hash: Uint8Array;
};

export const contentDigest = (sha256: Sha256, salt: Uint8Array, payload: string): Uint8Array =>
  sha256(salt, payload);

export const chainHash = (sha256: Sha256, previous: Uint8Array, header: string): Uint8Array =>
  sha256(previous, header);

export const sameBytes = (left: Uint8Array, right: Uint8Array): boolean => {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index += 1) {
    if (left[index] !== right[index]) return false;
  }
  return true;
};
