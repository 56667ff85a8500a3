import type { Sha256 } from "../../core/hash-chain.ts";
import type { RunId, SessionId } from "../../core/ids.ts";

/** The session in which a run is read, the same for everybody: of each run, so that no conversation is read with another. */
export const extractionSessionId = (sha256: Sha256, runId: RunId): SessionId =>
  `ses_${Buffer.from(sha256(JSON.stringify(["memory-extraction", runId]), ""))
    .toString("base64url")
    .slice(0, 27)}`;
