import { toBase64Url } from "../core/base64url.ts";
import type { Sha256 } from "../core/hash-chain.ts";

/**
 * H(session, call): the same for every attempt of one call, on every machine, and nobody else's.
 * 128 bits, base64url, so that it fits the usual header and column limits.
 */
export const idempotencyKeyOf = (sha256: Sha256, sessionId: string, callId: string): string =>
  toBase64Url(sha256(`${sessionId}\n`, callId).subarray(0, 16));
