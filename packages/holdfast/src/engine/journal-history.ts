import type { SessionId } from "../core/ids.ts";
import { openEvent } from "../core/journal-codec.ts";
import type { Logger } from "../ports/tool.ts";
import type { HistoryEntry, SessionHistory } from "../ports/session-history.ts";
import { type HistoryParts, HistorySearch, readHistory } from "./history-search.ts";
import type { EngineServices } from "./services.ts";

type Parts = HistoryParts & {
  readonly store: Pick<EngineServices["store"], "read" | "readAt" | "list">;
  readonly tenant: string | null;
  readonly user: string | null;
  readonly warn: Logger["warn"];
};

/** The history of a session, read from its journal when it is asked for. */
export const journalHistory = (parts: Parts): SessionHistory => ({
  search: async (query, { limit } = {}) => {
    const search = new HistorySearch(query);
    await search.readThrough(parts, () => true);
    return (await search.best(limit)).map(({ entry }) => entry);
  },
  read: (position) => readHistory(parts, position),
  searchOthers: async (query, { limit } = {}) => {
    const unreadable: SessionId[] = [];
    const search = new HistorySearch(query, (sessionId, { code }) => {
      if (unreadable.includes(sessionId)) return;
      unreadable.push(sessionId);
      parts.warn(`Session ${sessionId} could not be searched, and others were. See: holdfast doctor`, {
        unreadable: sessionId,
        code,
      });
    });
    await searchEach(parts, search);
    const found = await search.best(limit);
    return { entries: found.map(({ entry, sessionId }) => ({ ...entry, sessionId })), unreadable };
  },
});

const MOST_SESSIONS = 200;
const MOST_CHARS = 20_000_000;
const SESSIONS_A_PAGE = 50;

/** Goes through the user's other conversations with the same agent, the newest first, as far as the limits go (H5). */
const searchEach = async (parts: Parts, search: HistorySearch): Promise<void> => {
  let sessions = 0;
  let chars = 0;
  for await (const sessionId of othersOf(parts, search)) {
    const others = { ...parts, sessionId, before: Number.MAX_SAFE_INTEGER };
    chars += await search.readThrough(others, isConversation);
    sessions += 1;
    if (sessions >= MOST_SESSIONS || chars >= MOST_CHARS) return;
  }
};

/** What a tool gave in one session is to be trusted in no other (S1). */
const isConversation = ({ kind }: HistoryEntry): boolean => kind === "input" || kind === "answer";

async function* othersOf(parts: Parts, search: HistorySearch): AsyncGenerator<SessionId> {
  const { store, sessionId, tenant, user, signal } = parts;
  const own = await madeAs(parts, sessionId);
  if (user === null || own === null || own.parent !== null) return;
  const whose = { agent: own.agent, user, ...(tenant === null ? {} : { tenant }) };
  for (let cursor: string | null | undefined; cursor !== null;) {
    signal.throwIfAborted();
    const page = await store.list({
      ...whose,
      limit: SESSIONS_A_PAGE,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const listed of page.sessions) {
      // S1: another tenant's user of the same name is somebody else.
      if (listed.tenant !== tenant || listed.sessionId === sessionId) continue;
      const made = await search.tried(listed.sessionId, () => madeAs(parts, listed.sessionId));
      if (made?.parent === null) yield listed.sessionId;
    }
    cursor = page.cursor;
  }
}

/** Which agent a session was made for, and by which session, if any. */
const madeAs = async (
  { store }: Parts,
  sessionId: SessionId,
): Promise<{ readonly agent: string; readonly parent: SessionId | null } | null> => {
  const [first] = await store.read(sessionId, 0, { limit: 1, omitPayload: true });
  const header = first === undefined ? undefined : openEvent(first).header;
  return header?.type === "session.created" ? header : null;
};
