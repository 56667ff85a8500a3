import { isDeepStrictEqual } from "node:util";
import type { JournalEvent } from "../../../core/event.ts";
import { isJsonObject } from "../../../core/json.ts";
import type { RunEntry } from "./book-entries.ts";
import { Bookkeeper } from "./bookkeeper.ts";
import type { EffectEntry } from "./history.ts";
import type { Violation } from "./rules.ts";
import { callsOf, eventsOf, finder, type EventOf, type SessionHistory } from "./session-history.ts";
import { isTakenBack, isUndo, leftToUndo, undoneCall } from "./undo-books.ts";

/** What a run did is undone when it fails or is rolled back: all of it, the last first, once, and it says so (E10). */
export const checkUndo = (session: SessionHistory): readonly Violation[] => {
  const books = new Bookkeeper();
  const found: Violation[] = [];
  for (const event of session.events) {
    if (books.run !== null) found.push(...judge(session.sessionId, books.run, event));
    books.note(event);
  }
  return [...found, ...checkUndone(session)];
};

const judge = (sessionId: string, run: RunEntry, event: JournalEvent): readonly Violation[] => {
  const { header, position } = event;
  const wrong = (what: string): readonly Violation[] => [
    finder(sessionId, "E10")("undo-wrong", position, `${run.runId}: ${what}`),
  ];
  switch (header.type) {
    case "run.undoing":
      if (run.undoing !== null) return wrong("it is undone twice");
      return isTakenBack(run) ? [] : wrong("what it did is undone, and it is to be kept");
    case "undo.requested": {
      const [next] = leftToUndo(run);
      if (run.undoing === null) return wrong(`${header.undoes} is undone, and the run has not ended`);
      if (run.calls.length > 0) return wrong(`${header.undoes} is undone while something is open`);
      return next?.callId === header.undoes ? [] : wrong(`${header.undoes} is not what is undone next`);
    }
    case "tool-call.started":
      return run.undoing !== null && !isUndo(header.callId) ? wrong(`${header.callId} starts as well`) : [];
    case "approval.requested":
      return isUndo(header.callId) ? wrong(`${header.callId} is asked about`) : [];
    case "run.failed":
    case "run.cancelled":
      return header.runId === run.runId ? judgeEnd(sessionId, run, { ...event, header }) : [];
    default:
      return [];
  }
};

const judgeEnd = (
  sessionId: string,
  run: RunEntry,
  { header, position }: EventOf<"run.failed" | "run.cancelled">,
): readonly Violation[] => {
  const say = finder(sessionId, "E10");
  if (!isTakenBack(run))
    return header.undo === null ? [] : [say("undo-wrong", position, `${run.runId} keeps what it did`)];
  const left = leftToUndo(run);
  const found = left.map(({ callId }) => say("undo-missing", position, `${callId} is not undone`));
  const hasAny = run.undoing !== null || run.writes.some(({ undo }) => undo !== null);
  const expected = hasAny
    ? {
        undone: run.undoing?.undone ?? [],
        notUndone: [
          ...(run.undoing?.notUndone ?? []),
          ...run.writes.map(({ callId, tool, standing }) => ({
            callId,
            tool,
            reason: standing === "done" ? "no-undo" : "outcome-unknown",
            code: null,
          })),
        ],
      }
    : null;
  return isDeepStrictEqual(header.undo, expected)
    ? found
    : [...found, say("undo-missing", position, `${run.runId} says something else than what was undone`)];
};

/** In the world: undone is what took place, after it did, with what it was given and gave back. */
const checkUndone = (session: SessionHistory): readonly Violation[] => {
  const { sessionId, effects, events } = session;
  const calls = callsOf(events);
  const say = finder(sessionId, "E10");
  const results = resultsOf(events);
  return effects.flatMap((entry) => {
    if (entry.kind !== "entered" || !isUndo(entry.callId) || !calls.has(entry.callId)) return [];
    const callId = undoneCall(entry.callId);
    const found: Violation[] = [];
    if (!hasHappened(session, callId, entry))
      found.push(say("undo-wrong", entry.durable, `${callId} is undone, and never took place`));
    const given = isJsonObject(entry.input) ? entry.input : {};
    const result = results.get(callId);
    if (given["callId"] !== callId || (result !== undefined && !isDeepStrictEqual(given["output"], result)))
      found.push(say("undo-wrong", entry.durable, `${callId} is undone as if it were another`));
    return found;
  });
};

/** What the journal has of each result. */
const resultsOf = (events: readonly JournalEvent[]): ReadonlyMap<string, unknown> =>
  new Map(
    [...eventsOf(events, "tool-call.completed"), ...eventsOf(events, "tool-call.resolved")].flatMap(
      ({ header, payload }) => {
        const output = payload?.["output"];
        return isJsonObject(output) ? [[header.callId, payload?.["result"] ?? output["value"]]] : [];
      },
    ),
  );

/** A person may say of a call that it took place when it did not. */
const hasHappened = ({ effects, events }: SessionHistory, callId: string, undo: EffectEntry): boolean =>
  effects.some((one) => one.kind === "executed" && one.callId === callId && one.durable <= undo.durable) ||
  eventsOf(events, "tool-call.resolved").some(
    ({ header }) => header.callId === callId && header.as === "completed",
  );
