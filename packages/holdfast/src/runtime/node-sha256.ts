import { createHash } from "node:crypto";
import type { Sha256 } from "../core/hash-chain.ts";

/** SHA-256 by Node. */
export const sha256: Sha256 = (first, second) => createHash("sha256").update(first).update(second).digest();
