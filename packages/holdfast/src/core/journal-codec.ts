import { toBase64Url } from "./base64url.ts";
import { JournalError } from "./errors.ts";
import { EVENT_VERSION, isEventType, type EventDraft, type EventHeader, type JournalEvent } from "./event.ts";
import { chainHash, contentDigest, sameBytes, type Sha256, type StoredEvent } from "./hash-chain.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { fromStoredHeader, toStoredHeader } from "./stored-header.ts";

/** The end of a journal that new events are chained to. */
export type JournalEnd = { readonly position: number; readonly hash: Uint8Array; readonly at: number };

/** What sealing needs from outside: who writes, when, and with what randomness. */
export type Seal = {
  readonly sha256: Sha256;
  readonly epoch: number;
  readonly now: number;
  /** 32 fresh random bytes for each event with content. */
  readonly salt: () => Uint8Array;
};

export type SealedEvent = { readonly event: JournalEvent; readonly stored: StoredEvent };

/**
 * Gives a draft its place in the journal: serialised once, hashed over those very bytes (J4).
 * Time never goes backwards within a journal, whatever the clock does.
 */
export const sealEvent = (end: JournalEnd, draft: EventDraft, seal: Seal): SealedEvent => {
  const position = end.position + 1;
  const at = Math.max(/* guard J3: time does not go back */ end.at, seal.now);
  const payload = draft.payload === null ? null : JSON.stringify(draft.payload);
  const salt = payload === null ? null : seal.salt();
  const content =
    payload === null || salt === null ? null : toBase64Url(contentDigest(seal.sha256, salt, payload));
  const place = { v: EVENT_VERSION, position, at, epoch: seal.epoch };
  const header = JSON.stringify(
    toStoredHeader(content === null ? place : { ...place, content }, draft.header),
  );
  const hash = chainHash(seal.sha256, end.hash, header);
  return {
    event: { ...place, content, header: draft.header, payload: draft.payload },
    stored: { position, header, payload, salt, hash },
  };
};

/** Reads an event back from its stored bytes; older versions are brought up to date here. */
export const openEvent = (stored: StoredEvent): JournalEvent => {
  const parsed = parseObject(stored.header, stored.position);
  const { v, position, at, epoch, content, ...header } = parsed;
  // guard S6: an event of a newer version is not opened
  if (typeof v !== "number" || v > EVENT_VERSION || !isEventType(header["type"])) {
    throw new JournalError(
      "JOURNAL_INVALID",
      `Event ${stored.position} was written by a newer version of Holdfast.`,
      {
        hint: "Upgrade this process before it opens the session.",
        details: { position: stored.position, version: v ?? null, type: header["type"] ?? null },
      },
    );
  }
  // guard J4: an envelope fits its place
  if (position !== stored.position || typeof at !== "number" || typeof epoch !== "number") {
    throw damaged(stored.position, "its envelope does not fit its place");
  }
  return {
    v,
    position,
    at,
    epoch,
    content: typeof content === "string" ? content : null,
    header: headerOf(fromStoredHeader(header), stored.position),
    payload: stored.payload === null ? null : parseObject(stored.payload, stored.position),
  };
};

const isHeader = (value: object): value is EventHeader => "type" in value && isEventType(value.type);

const headerOf = (value: JsonObject, position: number): EventHeader => {
  const header: object = value;
  if (!isHeader(header)) throw damaged(position, "it has no type");
  return header;
};

const parseObject = (text: string, position: number): JsonObject => {
  const parsed = parseJson(text);
  if (!isJsonObject(parsed)) throw damaged(position, "its bytes are not what was written");
  return parsed;
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const damaged = (position: number, why: string): JournalError =>
  new JournalError("STORE_DAMAGED", `Event ${position} is damaged: ${why}.`, {
    hint: "Run `holdfast doctor` to see what can be saved.",
    details: { position },
  });

/** What is wrong with an event that should follow `previous`, or null when it verifies (J4). */
export const verifyEvent = (sha256: Sha256, previous: Uint8Array, stored: StoredEvent): string | null => {
  // guard J4: a header that was changed is found
  if (!sameBytes(chainHash(sha256, previous, stored.header), stored.hash)) {
    return "its hash does not follow from the event before it and its header";
  }
  return verifyContent(sha256, stored);
};

/** What is wrong with an event's content by the digest in its own header, or null; erased content verifies (J4). */
export const verifyContent = (sha256: Sha256, stored: StoredEvent): string | null => {
  if (stored.payload === null && stored.salt === null) return null;
  if (stored.payload === null || stored.salt === null)
    return "its content and its salt do not belong together";
  const header = parseJson(stored.header);
  const expected = isJsonObject(header) ? header["content"] : undefined;
  return expected === toBase64Url(contentDigest(sha256, stored.salt, stored.payload))
    ? null
    : /* guard J4: content that was changed is found */ "its content does not match the digest in its header";
};
