import type { EventHeader } from "../core/event.ts";
import type { Sha256 } from "../core/hash-chain.ts";
import type { SessionId } from "../core/ids.ts";
import { openEvent } from "../core/journal-codec.ts";
import type { JournalStore } from "../ports/journal-store.ts";
import { extractionSessionId } from "./extraction/extraction-session.ts";

const PAGE = 1_000;

/**
 * The sessions that were made of what a session said: those that it has called, in the order of the calls, and those in which its
 * runs were read for the memory. Those that were never begun are left out.
 */
export const childrenOf = async (
  { store, sha256 }: { readonly store: Pick<JournalStore, "read" | "head">; readonly sha256: Sha256 },
  sessionId: SessionId,
): Promise<readonly SessionId[]> => {
  const children: SessionId[] = [];
  for (let after = 0; ;) {
    const page = await store.read(sessionId, after, { limit: PAGE, omitPayload: true });
    for (const { header } of page.map(openEvent)) {
      const child = childIn(header, sha256);
      if (child !== null && (await store.head(child)) !== undefined) children.push(child);
    }
    const last = page.at(-1);
    if (last === undefined) return children;
    after = last.position;
  }
};

const childIn = (header: EventHeader, sha256: Sha256): SessionId | null => {
  if (header.type === "tool-call.held") return header.child;
  return header.type === "run.completed" ? extractionSessionId(sha256, header.runId) : null;
};
