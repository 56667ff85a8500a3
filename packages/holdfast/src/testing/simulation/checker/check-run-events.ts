import type { JournalEvent } from "../../../core/event.ts";
import type { Wait } from "../../../core/wait.ts";
import type { RunEntry } from "./book-entries.ts";
import type { Bookkeeper } from "./bookkeeper.ts";
import { isPastDeadline } from "./check-model-calls.ts";
import { isHeld } from "./check-waits.ts";
import type { Violation } from "./rules.ts";
import { finder, type EventOf, type SessionHistory } from "./session-history.ts";

/** A run begins when it is its turn, waits for what it says, and ends as what happened demands. */
export const judgeRunEvent = (
  session: SessionHistory,
  books: Bookkeeper,
  event: JournalEvent,
): readonly Violation[] => {
  const { header } = event;
  switch (header.type) {
    case "run.started":
      return judgeBeginning(session, books, event);
    case "run.suspended":
      return judgeWaits(session, books, { ...event, header });
    case "run.resumed":
      return judgeResumption(session, books, { ...event, header });
    case "run.expired":
      return judgeExpiry(session, books, event);
    case "run.completed":
    case "run.failed":
    case "run.cancelled":
      return judgeEnd(session, books, event);
    case "session.recovered":
      return judgeRecovery(session, books, { ...event, header });
    default:
      return [];
  }
};

const judgeBeginning = (
  { sessionId }: SessionHistory,
  { run, queue }: Bookkeeper,
  { header, position }: JournalEvent,
): readonly Violation[] => {
  const runId = "runId" in header ? header.runId : "";
  const say = finder(sessionId, "J6");
  const found: Violation[] = [];
  if (run !== null) found.push(say("runs-overlap", position, `${runId} begins while ${run.runId} is open`));
  if (queue[0]?.runId !== runId)
    found.push(say("runs-overlap", position, `${runId} begins and is not the first in line`));
  return found;
};

const judgeExpiry = (
  { sessionId }: SessionHistory,
  { run }: Bookkeeper,
  { position, at }: JournalEvent,
): readonly Violation[] => {
  if (run === null) return [];
  const say = finder(sessionId, "E6");
  const found: Violation[] = [];
  if (!isPastDeadline(run, at))
    found.push(say("past-limit", position, `${run.runId} expires before its time`));
  if (run.suspendedAt !== null)
    found.push(say("past-limit", position, `${run.runId} expires while it is suspended`));
  if (run.answeredAt !== null || run.failing !== null)
    found.push(say("past-limit", position, `${run.runId} has come to its end and expires`));
  return found;
};

/** Who waits for an operator, or for a definition, goes on by their word alone (S1, S3). */
const judgeResumption = (
  { sessionId }: SessionHistory,
  { run }: Bookkeeper,
  { header, position }: EventOf<"run.resumed">,
): readonly Violation[] =>
  run !== null && isHeld(run.waitingFor) && header.by !== "operator" && header.by !== "definition"
    ? [finder(sessionId, "S3")("reason-wrong", position, `${run.runId} goes on, and nobody said so`)]
    : [];

/** Something was under way with a holder that is no more, and that holder is not this one. */
const judgeRecovery = (
  { sessionId }: SessionHistory,
  { run }: Bookkeeper,
  { header, position, epoch }: EventOf<"session.recovered">,
): readonly Violation[] => {
  const isUnderWay =
    run !== null &&
    (run.asking !== null || run.summing !== null || run.calls.some(({ status }) => status === "started"));
  if (isUnderWay && header.previousEpoch < epoch) return [];
  return [finder(sessionId, "J2")("not-recovered", position, "nothing was lost, or nobody")];
};

/** What a run says it waits for is what its books say it waits for (S3, E7). */
const judgeWaits = (
  { sessionId }: SessionHistory,
  books: Bookkeeper,
  { header, position, at }: EventOf<"run.suspended">,
): readonly Violation[] => {
  const { run } = books;
  if (run === null) return [];
  const say = finder(sessionId, "S3");
  const found: Violation[] = [];
  if (header.waitingFor.length === 0) found.push(say("reason-wrong", position, "it waits for nothing"));
  for (const wait of header.waitingFor)
    if (!isReason(run, books, wait))
      found.push(
        say("reason-wrong", position, `nothing in the journal is a reason to wait for: ${wait.kind}`),
      );
  const untils = header.waitingFor.flatMap((wait) =>
    wait.kind === "retry" || wait.kind === "verification" ? [wait.until] : [],
  );
  if (untils.length > 0 && run.suspendedAt === null && Math.min(...untils) - at <= 5_000)
    found.push(finder(sessionId, "E7")("reason-wrong", position, "a short wait became a suspension"));
  const isAsking = run.asking !== null || run.summing !== null;
  if ((isAsking && !run.isLost) || run.calls.some(({ status }) => status === "started"))
    found.push(say("reason-wrong", position, "it is suspended while something is under way"));
  return found;
};

const isReason = (run: RunEntry, { takeovers, isPaused }: Bookkeeper, wait: Wait): boolean => {
  switch (wait.kind) {
    case "retry":
      return (
        run.due?.dueAt === wait.until ||
        run.calls.some(({ status, dueAt }) => status === "retrying" && dueAt === wait.until)
      );
    case "verification":
      return run.calls.some(
        ({ callId, status, dueAt }) =>
          callId === wait.callId && status === "verifying" && dueAt === wait.until,
      );
    case "resolution":
      return run.calls.some(({ callId, status }) => callId === wait.callId && status === "asking");
    case "approval":
      return run.calls.some(({ callId, status }) => callId === wait.callId && status === "held");
    case "result":
      return run.calls.some(({ callId, status }) => callId === wait.callId && status === "handed-over");
    case "child":
      return run.calls.some(({ callId, status }) => callId === wait.callId && status === "handed-over");
    case "operator":
      return wait.reason === "paused" ? isPaused : wait.reason === "restored" || takeovers >= 3;
    case "time":
    case "signal":
      // The simulated tools do not suspend themselves.
      return false;
    case "budget":
    case "budget-period":
      return run.shortage?.budget === wait.budget;
    case "definition":
      return run.calls.some(({ tool, status }) => tool === wait.name && status !== "closed");
  }
};

/** The end follows from what happened, and says so (J3, E5, E6). */
const judgeEnd = (
  session: SessionHistory,
  books: Bookkeeper,
  { header, position }: JournalEvent,
): readonly Violation[] => {
  const { run } = books;
  const say = finder(session.sessionId, "J3");
  if (run === null || !("runId" in header) || header.runId !== run.runId) return [];
  const problem = problemOfEnd(run, header);
  const found = problem === null ? [] : [say("end-wrong", position, `${run.runId}: ${problem}`)];
  if (run.asking !== null || run.summing !== null || run.calls.length > 0)
    found.push(say("end-wrong", position, `${run.runId} ends while something is open`));
  if ("totals" in header && header.totals.retries !== run.retries)
    found.push(
      finder(session.sessionId, "E8")(
        "totals-wrong",
        position,
        `${run.runId} had ${run.retries} retries and says ${header.totals.retries}`,
      ),
    );
  return found;
};

const problemOfEnd = (run: RunEntry, header: JournalEvent["header"]): string | null => {
  if (header.type === "run.completed")
    return run.stopping === null && run.answeredAt === header.answerAt
      ? null
      : "it completes without its answer";
  if (header.type === "run.cancelled")
    return (run.stopping === "cancelled" || run.undoing?.code === "RUN_CANCELLED") &&
      run.rollback !== "owed" &&
      header.unknown.join() === run.unknown.join()
      ? null
      : "it is cancelled, and was not, or names other unknown calls";
  if (header.type !== "run.failed") return null;
  if (run.undoing !== null && run.undoing.code !== header.code) return "it was to end in another way";
  switch (header.code) {
    case "RUN_TIMEOUT":
      return run.stopping === "expired" || run.failing?.code === "RUN_TIMEOUT" ? null : "it has not expired";
    case "RUN_MAX_TURNS":
      return run.due !== null && run.due.turn > run.settings.maxTurns ? null : "it has turns left";
    case "RUN_MAX_TOOL_CALLS":
      return run.asked > (run.settings.maxToolCalls ?? Infinity) ? null : "it has calls left";
    case "RUN_LOOPING":
      return run.repeats > (run.settings.maxRepeats ?? Infinity) ? null : "it does not repeat itself";
    case "MODEL_CONTEXT_OVERFLOW":
      return run.hasOverflowed ? null : "its prompt was not too long";
    default:
      return run.failing?.code === header.code && run.failing.at === header.causeAt
        ? null
        : `it fails with ${header.code}, and that is not why`;
  }
};
