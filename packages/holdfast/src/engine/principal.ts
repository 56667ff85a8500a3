import { toBase64Url } from "../core/base64url.ts";
import type { Sha256 } from "../core/hash-chain.ts";

/**
 * A name as headers hold it: a digest, because headers are not erased and names are. 96 bits, of this session
 * alone, so that the same person cannot be followed from one journal to the next.
 */
export const principalOf = (sha256: Sha256, sessionId: string, name: string): string =>
  toBase64Url(sha256(`holdfast-principal-1\n${sessionId}\n`, name).subarray(0, 12));
