import type { DueQuery, JournalStore } from "../../ports/journal-store.ts";

/** Which sessions are due, in the order of the answer. */
export const dueIds = async (store: JournalStore, query: DueQuery): Promise<readonly string[]> =>
  (await store.due(query)).map(({ sessionId }) => sessionId);
