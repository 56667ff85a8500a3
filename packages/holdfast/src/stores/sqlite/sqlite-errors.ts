import { StoreError } from "../../core/errors.ts";
import type { Position, SessionId } from "../../core/ids.ts";

// Primary result codes, https://sqlite.org/rescode.html
const BUSY = 5;
const LOCKED = 6;
const CORRUPT = 11;
const TOO_BIG = 18;
const CONSTRAINT = 19;
const MISMATCH = 20;
const RANGE = 25;
const NOT_A_DATABASE = 26;

/**
 * What an error says about the store:
 * `busy` another process writes; `damaged` the file is not what was written; `request` this request can
 * never be stored; `down` anything else, after which nobody knows what is on disk (C6).
 */
export type SqliteTrouble = "busy" | "damaged" | "request" | "down";

/** The transaction was rolled back by SQLite itself, as it does when the disk is full. */
export class LostTransactionError extends StoreError {}

export const troubleOf = (thrown: unknown): SqliteTrouble => {
  if (thrown instanceof LostTransactionError) return "down";
  const code = primaryCode(thrown);
  if (code === undefined) return "request";
  if (code === BUSY || code === LOCKED) return "busy";
  if (code === CORRUPT || code === NOT_A_DATABASE) return "damaged";
  if (code === CONSTRAINT || code === TOO_BIG || code === MISMATCH || code === RANGE) return "request";
  return "down";
};

const primaryCode = (thrown: unknown): number | undefined => {
  if (!(thrown instanceof Error) || !("errcode" in thrown)) return undefined;
  return typeof thrown.errcode === "number" ? thrown.errcode & 0xff : undefined;
};

export const damagedError = (
  what: string,
  at: { readonly sessionId: SessionId | null; readonly position: Position | null },
  cause?: unknown,
): StoreError =>
  new StoreError(
    "STORE_DAMAGED",
    at.sessionId === null
      ? `The store is damaged: ${what}.`
      : `The journal of session ${at.sessionId} is damaged at position ${at.position ?? "unknown"}: ${what}.`,
    {
      hint: "Run `holdfast doctor` to see what can still be read, then restore a backup.",
      details: { sessionId: at.sessionId, position: at.position },
      retryable: false,
      ...(cause === undefined ? {} : { cause }),
    },
  );

export const unavailableError = (what: string, cause?: unknown): StoreError =>
  new StoreError("STORE_UNAVAILABLE", what, {
    hint: "Check free space and health of the disk that holds the data directory.",
    ...(cause === undefined ? {} : { cause }),
  });
