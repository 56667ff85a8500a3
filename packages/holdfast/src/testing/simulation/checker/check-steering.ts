import type { JournalEvent } from "../../../core/event.ts";
import type { RunId } from "../../../core/ids.ts";
import type { Bookkeeper } from "./bookkeeper.ts";
import type { Acknowledged } from "./history.ts";
import type { Violation } from "./rules.ts";
import { eventsOf, finder, type EventOf, type SessionHistory } from "./session-history.ts";

/** An input that comes while a run is active is taken as its sender said, and joins the run it was meant for (S4). */
export const judgeSteering = (
  session: SessionHistory,
  books: Bookkeeper,
  event: JournalEvent,
): readonly Violation[] => {
  const { header } = event;
  if (header.type === "run.accepted") return judgeAcceptance(session, books, { ...event, header });
  if (header.type === "run.steered") return judgeJoining(session, books, { ...event, header });
  if (header.type !== "model-call.started") return [];
  const left = books.queue.find(({ joins }) => joins === header.runId);
  if (left === undefined) return [];
  const what = `the model is asked, and ${left.runId} has not joined`;
  return [finder(session.sessionId, "S4")("steered-wrong", event.position, what)];
};

type Input = Acknowledged & { readonly kind: "input" };

const judgeAcceptance = (
  { sessionId, acknowledged, events }: SessionHistory,
  { run, queue }: Bookkeeper,
  { header, position, payload }: EventOf<"run.accepted">,
): readonly Violation[] => {
  const sent = acknowledged.find((one): one is Input => one.kind === "input" && one.runId === header.runId);
  // What was forgotten before it was read says nothing of that any more (C13).
  if (sent === undefined || payload?.["content"] === undefined) return [];
  const say = finder(sessionId, "S4");
  const found: Violation[] = [];
  const active = run?.runId ?? queue[0]?.runId ?? null;
  if (header.joins !== (sent.whenActive === "steer" ? active : null))
    found.push(say("steered-wrong", position, `${header.runId} is to join ${String(header.joins)}`));
  if (header.isNext !== (sent.whenActive === "interrupt"))
    found.push(say("steered-wrong", position, `${header.runId} is not where it should be in line`));
  const next = events[position]?.header;
  const isCancelled = next?.type === "run.cancel-requested" && next.runId === run?.runId;
  // What is being undone is at its end already, and is undone to its end (E10).
  const isEnding = run === null || run.stopping === "cancelled" || run.undoing !== null;
  if (header.isNext && !isEnding && !isCancelled)
    found.push(say("steered-wrong", position, `${run.runId} goes on though ${header.runId} interrupts it`));
  return found;
};

const judgeJoining = (
  { sessionId }: SessionHistory,
  { run, queue }: Bookkeeper,
  { header, position, at }: EventOf<"run.steered">,
): readonly Violation[] => {
  const say = finder(sessionId, "S4");
  const found: Violation[] = [];
  if (run === null || queue.find(({ runId }) => runId === header.steerId)?.joins !== run.runId)
    found.push(say("steered-wrong", position, `${header.steerId} joins what it was not meant for`));
  const isAsking = run !== null && (run.asking !== null || run.summing !== null);
  if (run !== null && (isAsking || run.calls.length > 0 || run.due === null || run.due.dueAt > at))
    found.push(say("steered-wrong", position, `${header.steerId} joins in the middle of a turn`));
  if (run !== null && (run.stopping !== null || run.suspendedAt !== null))
    found.push(say("steered-wrong", position, `${header.steerId} joins a run that is at rest`));
  return found;
};

/** The run that an input became: its own, or the one it joined. */
export const runFollowed = (events: readonly JournalEvent[], runId: RunId): RunId =>
  joiningOf(events, runId)?.header.runId ?? runId;

export const joiningOf = (
  events: readonly JournalEvent[],
  runId: RunId,
): EventOf<"run.steered"> | undefined =>
  eventsOf(events, "run.steered").find(({ header }) => header.steerId === runId);
