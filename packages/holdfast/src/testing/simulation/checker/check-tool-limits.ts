import type { JournalEvent } from "../../../core/event.ts";
import { Bookkeeper } from "./bookkeeper.ts";
import { checkHolder } from "./check-visits.ts";
import type { EffectEntry } from "./history.ts";
import type { Violation } from "./rules.ts";
import { callsOf, eventsOf, finder, type SessionHistory } from "./session-history.ts";

/** Nothing ends in the very moment in which its time is over. */
const SLACK_MS = 1_500;

/** A tool, or a check of one, is told to stop when its time is over, whether it listens or not (E6). */
export const checkToolTimes = ({ sessionId, events, whole }: SessionHistory): readonly Violation[] => {
  const calls = callsOf(events);
  return [...(whole.activities ?? []), ...(whole.checks ?? [])].flatMap((activity) => {
    const { callId, ranMs = 0, untilDurable = 0 } = activity;
    const limitMs = calls.get(callId)?.policy.timeoutMs;
    if (activity.sessionId !== sessionId || limitMs === undefined || ranMs <= limitMs + SLACK_MS) return [];
    const what = `${callId} was at work for ${ranMs} ms and may be for ${limitMs}`;
    return [finder(sessionId, "E6")("ran-too-long", untilDurable, what)];
  });
};

const ACTS: ReadonlySet<EffectEntry["kind"]> = new Set(["entered", "asked"]);

/** No tool is entered, and none is asked, by who has lost the session (J2). */
export const checkToolHolders = ({ sessionId, effects }: SessionHistory): readonly Violation[] =>
  effects.flatMap(({ kind, by, holder = null, durable, callId }) =>
    ACTS.has(kind) && by !== undefined
      ? checkHolder(sessionId, { by, holder, durable }, `${callId} was ${kind}`)
      : [],
  );

/** How long after a result the word of it may be on its way. */
const ON_ITS_WAY_MS = 100_000;

/** A result that came late is in the journal, unless whoever had it died or could not hand it in (E5). */
export const checkLateReturns = ({ sessionId, events, whole }: SessionHistory): readonly Violation[] => {
  const { lateReturns = [], troubles = [], quietAt } = whole;
  if (quietAt === undefined) return [];
  const noted = new Set(
    eventsOf(events, "tool-call.late").map(({ header }) => `${header.callId} ${header.attempt}`),
  );
  return lateReturns.flatMap(({ callId, attempt, by, sinceMs, ...one }) => {
    if (one.sessionId !== sessionId || noted.has(`${callId} ${attempt}`)) return [];
    const isExcused = troubles.some(
      ({ kind, fromMs, untilMs, ...trouble }) =>
        trouble.by === by &&
        (kind === "gone" || kind === "store") &&
        untilMs >= sinceMs &&
        fromMs <= sinceMs + ON_ITS_WAY_MS,
    );
    const what = `what attempt ${attempt} of ${callId} brought too late is nowhere`;
    return isExcused ? [] : [finder(sessionId, "E5")("late-forgotten", null, what)];
  });
};

/** How an attempt may end from outside: its limit, a cancel, the end of its run, a holder that may not act. */
const FROM_OUTSIDE: ReadonlySet<string> = new Set([
  "TOOL_TIMEOUT",
  "TOOL_CANCELLED",
  "TOOL_CALL_LOST",
  "RUN_TIMEOUT",
]);

/** How it may end on the way to the tool. */
const ON_THE_WAY: ReadonlySet<string> = new Set([
  "TOOL_INPUT_INVALID",
  "STORE_UNAVAILABLE",
  "STORE_DAMAGED",
  "UNDO_NOT_POSSIBLE",
]);

/** A failure has the code of what happened: of the tool itself only where the tool failed (E6). */
export const checkToolCodes = (session: SessionHistory): readonly Violation[] => {
  const books = new Bookkeeper();
  return session.events.flatMap((event) => {
    const found = judgeCode(session, books, event);
    books.note(event);
    return found;
  });
};

const judgeCode = (
  { sessionId, effects }: SessionHistory,
  books: Bookkeeper,
  { header, position }: JournalEvent,
): readonly Violation[] => {
  if (header.type !== "tool-call.failed" && header.type !== "tool-call.unknown") return [];
  const { callId, attempt, code } = header;
  if (books.callOf(callId)?.status !== "started") return [];
  const seen = effects.filter(
    (entry) => entry.callId === callId && entry.attempt === attempt && entry.durable < position,
  );
  const isEntered = seen.some(({ kind }) => kind === "entered");
  const hasFailed = seen.some(({ kind }) => kind === "threw" || kind === "refused");
  if (FROM_OUTSIDE.has(code) || (isEntered ? code === "TOOL_FAILED" && hasFailed : ON_THE_WAY.has(code)))
    return [];
  const what = `attempt ${attempt} of ${callId} ${isEntered ? "was" : "was not"} entered and ended with ${code}`;
  return [finder(sessionId, "E6")("code-wrong", position, what)];
};
