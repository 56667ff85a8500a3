import type { JournalEvent } from "../../../core/event.ts";
import type { Wait } from "../../../core/wait.ts";
import type { CallEntry, RunEntry } from "./book-entries.ts";
import { approvalDue, Bookkeeper } from "./bookkeeper.ts";
import type { Violation } from "./rules.ts";
import { leftToUndo } from "./undo-books.ts";
import { finder, type SessionHistory } from "./session-history.ts";

/** What takes longer than this is waited for in the journal and not in anybody's memory (E7). */
const LONGEST_HELD_MS = 5_000;

/** Holders lost in a row after which only an operator is waited for, whatever else is open. */
const POISONED = 3;

/**
 * After every commit a run that has nothing to do says what it waits for: all that is open and nothing else, in
 * the journal wherever that takes long or needs somebody (E7, S3).
 */
export const checkWaits = ({ sessionId, events, whole }: SessionHistory): readonly Violation[] => {
  const commits = (whole.written ?? []).filter((one) => one.sessionId === sessionId);
  const ends = new Set(commits.map(({ events: written }) => written.at(-1)?.position ?? 0));
  const books = new Bookkeeper();
  return events.flatMap((event) => {
    books.note(event);
    return ends.has(event.position) && books.run !== null && books.takeovers < POISONED
      ? books.isPaused
        ? judgePause(sessionId, books.run, event)
        : judgeRest(sessionId, books.run, event)
      : [];
  });
};

/** In a paused session a run that has nothing under way says that it waits for that, and for nothing else. */
const judgePause = (sessionId: string, run: RunEntry, { position }: JournalEvent): readonly Violation[] => {
  const isOver = isAtItsEnd(run);
  const isBusy = (hasAsked(run) && !run.isLost) || run.calls.some(({ status }) => status === "started");
  if (isOver || isBusy || isHeld(run.waitingFor)) return [];
  return [finder(sessionId, "S3")("not-suspended", position, `${run.runId} is paused and does not say so`)];
};

/** A model: for an answer, or for a summary before it. */
const hasAsked = ({ asking, summing }: RunEntry): boolean => asking !== null || summing !== null;

/** Whether nothing is waited for any more, but what is under way. */
const isAtItsEnd = (run: RunEntry): boolean =>
  run.undoing === null
    ? run.stopping !== null || run.answeredAt !== null || run.failing !== null
    : run.calls.length === 0 && leftToUndo(run).length === 0;

const judgeRest = (
  sessionId: string,
  run: RunEntry,
  { position, at }: JournalEvent,
): readonly Violation[] => {
  const isOver = isAtItsEnd(run);
  const isBusy = hasAsked(run) || run.calls.some(({ status }) => status === "started");
  if (isOver || isBusy || isHeld(run.waitingFor)) return [];
  const say = finder(sessionId, "S3");
  if (isDue(run, at))
    return run.suspendedAt === null
      ? []
      : [say("waits-wrong", position, `${run.runId} is suspended, and there is something to do`)];
  const waits = openWaits(run);
  if (run.suspendedAt !== null)
    return sameLines(run.waitingFor, waits)
      ? []
      : [say("waits-wrong", position, `${run.runId} waits for something else than it says`)];
  const untils = waits.flatMap((wait) => ("until" in wait && wait.until !== null ? [wait.until] : []));
  if (untils.length > 0 && Math.min(...untils) - at <= LONGEST_HELD_MS) return [];
  return [
    finder(sessionId, "E7")("not-suspended", position, `${run.runId} waits for long and is not suspended`),
  ];
};

/** Until an operator, or a process that knows the definition, says so, nothing of it is looked at. */
export const isHeld = (waits: readonly Wait[]): boolean =>
  waits.some(({ kind }) => kind === "operator" || kind === "definition");

/** Whether something could be done at once. */
const isDue = ({ due, calls, shortage, undoing }: RunEntry, at: number): boolean =>
  (undoing === null && due !== null && due.dueAt <= at && !isAsking(shortage, at)) ||
  (undoing !== null && calls.length === 0) ||
  calls.some((call) => call.status === "held" && (approvalDue(call) ?? Number.POSITIVE_INFINITY) <= at) ||
  calls.some(
    ({ status, dueAt, stopping }) =>
      (stopping !== null && status === "retrying") ||
      (stopping === "given-up" && (status === "asking" || status === "verifying")) ||
      status === "asked" ||
      status === "lost" ||
      ((status === "retrying" || status === "verifying") && dueAt <= at),
  );

const isAsking = (shortage: RunEntry["shortage"], at: number): boolean =>
  shortage !== null && (shortage.until === null || at < shortage.until);

const dueOf = ({ due, shortage, undoing }: RunEntry): readonly Wait[] => {
  if (due === null || undoing !== null) return [];
  if (shortage === null) return [{ kind: "retry", until: due.dueAt }];
  const { until } = shortage;
  return until === null ? [{ ...shortage, kind: "budget" }] : [{ ...shortage, kind: "budget-period", until }];
};

const openWaits = (run: RunEntry): readonly Wait[] => [...dueOf(run), ...run.calls.flatMap(waitOf)];

const waitOf = (call: CallEntry): readonly Wait[] => {
  const { callId, status, dueAt } = call;
  if (status === "held")
    return [{ kind: "approval", callId, ask: call.approval?.ask ?? 0, until: approvalDue(call) }];
  if (status === "retrying") return [{ kind: "retry", until: dueAt }];
  if (status === "verifying") return [{ kind: "verification", callId, until: dueAt }];
  return status === "asking" ? [{ kind: "resolution", callId }] : [];
};

const sameLines = (left: readonly Wait[], right: readonly Wait[]): boolean =>
  linesOf(left).join() === linesOf(right).join();

const linesOf = (waits: readonly Wait[]): readonly string[] =>
  waits
    .map(
      (wait) =>
        `${wait.kind} ${"callId" in wait ? wait.callId : ""} ${"until" in wait ? (wait.until ?? "") : ""}`,
    )
    .toSorted();
