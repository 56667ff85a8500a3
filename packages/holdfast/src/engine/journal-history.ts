import type { Position } from "../core/ids.ts";
import { openEvent } from "../core/journal-codec.ts";
import type { JournalEvent } from "../core/event.ts";
import { saidIn } from "../core/said.ts";
import { WordSearch } from "../core/word-search.ts";
import type { HistoryEntry, SessionHistory } from "../ports/session-history.ts";
import type { EngineServices } from "./services.ts";

/** Events that are read at once. */
const PAGE = 500;
const USUAL_LIMIT = 5;
const MOST = 50;

type Parts = {
  readonly store: EngineServices["store"];
  readonly sessionId: string;
  /** Where the turn begins that asks: what it says itself is not looked for. */
  readonly before: Position;
  /** Gives up a search. */
  readonly signal: AbortSignal;
};

/** The history of a session, read from its journal when it is asked for. */
export const journalHistory = ({ store, sessionId, before, signal }: Parts): SessionHistory => ({
  search: async (query, { limit = USUAL_LIMIT } = {}) => {
    const search = new WordSearch<HistoryEntry>(query);
    for (let after: Position = 0; ;) {
      signal.throwIfAborted();
      const page = await store.read(sessionId, after, { limit: PAGE });
      for (const stored of page.filter(({ position }) => position < before))
        for (const entry of entriesOf(openEvent(stored))) search.add(entry, entry.text);
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE || last.position >= before) break;
      after = last.position;
    }
    return search.best(Math.min(Math.max(1, Math.trunc(limit)), MOST));
  },
  read: async (position) => {
    const found = Number.isSafeInteger(position) ? await store.readAt(sessionId, [position]) : [];
    return found.flatMap((stored) => entriesOf(openEvent(stored)));
  },
});

const entriesOf = (event: JournalEvent): readonly HistoryEntry[] =>
  event.payload === null
    ? /* guard J4: what was erased is not told */ []
    : saidIn(event).map(({ kind, text }) => ({ position: event.position, at: event.at, kind, text }));
