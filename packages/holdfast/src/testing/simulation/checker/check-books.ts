import type { JournalEvent } from "../../../core/event.ts";
import { Bookkeeper } from "./bookkeeper.ts";
import { judgeModelEvent } from "./check-model-calls.ts";
import { judgeRunEvent } from "./check-run-events.ts";
import { judgeToolEvent } from "./check-tool-calls.ts";
import { judgeSteering } from "./check-steering.ts";
import { judgeStops } from "./check-stopped-calls.ts";
import { judgeSummaryEvent } from "./check-summaries.ts";
import type { Violation } from "./rules.ts";
import type { SessionHistory } from "./session-history.ts";

/** Each event is held against the books as they stood before it. */
export const checkBooks = (session: SessionHistory): readonly Violation[] => {
  const books = new Bookkeeper();
  const found: Violation[] = [];
  for (const event of session.events) {
    found.push(...judge(session, books, event));
    books.note(event);
  }
  return found;
};

const judge = (session: SessionHistory, books: Bookkeeper, event: JournalEvent): readonly Violation[] => {
  return [
    ...judgeSteering(session, books, event),
    ...judgeStops(session, books, event),
    ...judgeByType(session, books, event),
  ];
};

const judgeByType = (
  session: SessionHistory,
  books: Bookkeeper,
  event: JournalEvent,
): readonly Violation[] => {
  const { type } = event.header;
  if (type.startsWith("model-call.")) return judgeModelEvent(session, books, event);
  if (type.startsWith("summary-call.") || type === "context.compacted")
    return judgeSummaryEvent(session, books, event);
  if (type.startsWith("tool-call.")) return judgeToolEvent(session, books, event);
  return judgeRunEvent(session, books, event);
};
