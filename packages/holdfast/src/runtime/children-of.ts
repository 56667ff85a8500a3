import type { SessionId } from "../core/ids.ts";
import { openEvent } from "../core/journal-codec.ts";
import type { JournalStore } from "../ports/journal-store.ts";

const PAGE = 1_000;

/** The sessions that a session has called, in the order of the calls; those that were never begun are left out. */
export const childrenOf = async (
  store: Pick<JournalStore, "read" | "head">,
  sessionId: SessionId,
): Promise<readonly SessionId[]> => {
  const children: SessionId[] = [];
  for (let after = 0; ;) {
    const page = await store.read(sessionId, after, { limit: PAGE, omitPayload: true });
    for (const { header } of page.map(openEvent)) {
      if (header.type !== "tool-call.held" || header.child === null) continue;
      if ((await store.head(header.child)) !== undefined) children.push(header.child);
    }
    const last = page.at(-1);
    if (last === undefined) return children;
    after = last.position;
  }
};
