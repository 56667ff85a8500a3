import { chainHash, contentDigest, GENESIS_HASH, sameBytes, type Sha256 } from "../../core/hash-chain.ts";
import { isJsonObject } from "../../core/json.ts";
import type { Position } from "../../core/ids.ts";
import type { Damage } from "../../ports/journal-store.ts";
import { headOf, type SessionRecord } from "./memory-data.ts";

/** Removes content up to a position, or all of it; headers and hashes stay (C13). */
export const eraseContent = (record: SessionRecord, upTo: Position | undefined): void => {
  const isWhole = upTo === undefined;
  const last = upTo ?? Number.POSITIVE_INFINITY;
  record.snapshot = null;
  record.isErased ||= isWhole;
  // guard J4: an erasure raises the gate
  record.gate += 1;
  record.events.forEach((event, index) => {
    if (event.position <= last) record.events[index] = { ...event, payload: null, salt: null };
  });
  for (const [digest, blob] of record.blobs) {
    // What an unread signal brings again is not of the past, though an event has mentioned it before.
    const isPast = blob.signal === null && blob.position !== null && blob.position <= last;
    if (isWhole || isPast) record.blobs.delete(digest);
  }
  if (isWhole)
    record.signals = record.signals.map((signal) => ({ ...signal, body: "null", dedupeKey: null }));
  const unread = new Set(record.signals.map((signal) => signal.dedupeKey));
  for (const [key, used] of record.keys) {
    // What a read signal said is in the journal, and the store does not know where.
    if (isWhole || !unread.has(key)) used.body = null;
  }
};

/** Follows the chain of one session and names the first place where it breaks. */
export const findDamage = (record: SessionRecord, sha256: Sha256): Damage | null => {
  const { sessionId } = record;
  let previous = GENESIS_HASH;
  let position = 0;
  for (const event of record.events) {
    const damage = (what: string): Damage => ({
      sessionId,
      position: position + 1,
      what,
      intactUpTo: position,
    });
    if (event.position !== position + 1) return damage("an event is missing");
    if (!sameBytes(chainHash(sha256, previous, event.header), event.hash)) {
      return damage("the header does not match its hash");
    }
    if (!isContentIntact(event, sha256)) return damage("the content does not match its digest");
    previous = event.hash;
    position = event.position;
  }
  return position === headOf(record).position
    ? null
    : { sessionId, position, what: "the journal ends early", intactUpTo: position };
};

const isContentIntact = (
  event: { readonly header: string; readonly payload: string | null; readonly salt: Uint8Array | null },
  sha256: Sha256,
): boolean => {
  // Erased content cannot be compared; the header's hash still covers its digest.
  if (event.payload === null || event.salt === null) return event.payload === event.salt;
  const header: unknown = JSON.parse(event.header);
  const digest = Buffer.from(contentDigest(sha256, event.salt, event.payload)).toString("base64url");
  return isJsonObject(header) && header["content"] === digest;
};
