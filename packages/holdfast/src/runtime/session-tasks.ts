import { openEvent } from "../core/journal-codec.ts";
import { isJsonObject } from "../core/json.ts";
import type { CallId, Position, SessionId } from "../core/ids.ts";
import { readTasks, TASK_TOOL, type Task } from "../core/task-list.ts";
import type { JournalStore } from "../ports/journal-store.ts";

const PAGE = 1_000;

/** The task list of a session as it last was; nothing where there is none, or it was erased. */
export const tasksOf = async (store: JournalStore, sessionId: SessionId): Promise<readonly Task[]> => {
  const at = await lastUpdate(store, sessionId);
  const [stored] = at === null ? [] : await store.readAt(sessionId, [at]);
  const output = stored === undefined ? undefined : openEvent(stored).payload?.["output"];
  const text = isJsonObject(output) && output["type"] === "text" ? output["value"] : null;
  return typeof text === "string" ? readTasks(text) : [];
};

/** Where the last call that updated it was completed: by headers alone. */
const lastUpdate = async (store: JournalStore, sessionId: SessionId): Promise<Position | null> => {
  let last: Position | null = null;
  let calls = new Set<CallId>();
  for (let after: Position = 0; ;) {
    const page = await store.read(sessionId, after, { limit: PAGE, omitPayload: true });
    for (const stored of page) {
      const { header, position } = openEvent(stored);
      if (header.type === "model-call.completed")
        calls = new Set(header.calls.flatMap(({ callId, tool }) => (tool === TASK_TOOL ? [callId] : [])));
      if (header.type === "tool-call.completed" && calls.has(header.callId)) last = position;
    }
    const end = page.at(-1);
    if (end === undefined || page.length < PAGE) return last;
    after = end.position;
  }
};
