import { createHash } from "node:crypto";
import type { SessionId } from "../../core/ids.ts";
import type { Connection } from "./connection.ts";

const ERASED = "erased:";
const KEYS = "SELECT key FROM used_keys WHERE sid = ?";
const RENAME = "UPDATE used_keys SET key = ?, salt = NULL, digest = NULL WHERE sid = ? AND key = ?";
const FORGET = "UPDATE used_keys SET salt = NULL, digest = NULL WHERE sid = ? AND key = ?";

type Owner = { readonly sid: number; readonly sessionId: SessionId };

/**
 * What a used key is once its session was erased: a key may say as much as an input, and has to be known again all the same
 * (C13, J5). Of this session alone, so that nobody is followed by it from one to the next.
 */
export const erasedKey = (sessionId: SessionId, key: string): string =>
  ERASED + createHash("sha256").update(`holdfast-key-1\n${sessionId}\n`).update(key).digest("base64url");

/** Leaves of a session's used keys no more than is needed to know them again. */
export const eraseKeys = (connection: Connection, { sid, sessionId }: Owner): void => {
  for (const { key } of connection.all<{ key: string }>(KEYS, sid)) {
    if (key.startsWith(ERASED)) connection.run(FORGET, sid, key);
    else connection.run(RENAME, erasedKey(sessionId, key), sid, key);
  }
};
