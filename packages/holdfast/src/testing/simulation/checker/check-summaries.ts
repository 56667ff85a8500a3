import type { JournalEvent } from "../../../core/event.ts";
import type { RunEntry } from "./book-entries.ts";
import type { Bookkeeper } from "./bookkeeper.ts";
import { isPastDeadline, poisoned } from "./check-model-calls.ts";
import type { Violation } from "./rules.ts";
import { eventsOf, finder, type EventOf, type SessionHistory } from "./session-history.ts";

/** A model sums up once what leaves the window, for who asked it, and what it wrote is what is told then (E6). */
export const judgeSummaryEvent = (
  session: SessionHistory,
  books: Bookkeeper,
  event: JournalEvent,
): readonly Violation[] => {
  const { header, position } = event;
  const { run } = books;
  if (run === null) return [];
  const say = finder(session.sessionId, "E6");
  const said = (problem: string | null): readonly Violation[] =>
    problem === null ? [] : [say("summary-wrong", position, problem)];
  switch (header.type) {
    case "summary-call.started":
      return [
        ...said(problemOfStart(run, books, { ...event, header })),
        ...poisoned(session, books.takeovers, event),
      ];
    case "summary-call.completed":
      return said(problemOfAnswer(run, { ...event, header }));
    case "summary-call.failed":
      return said(problemOfFailure(run, { ...event, header }));
    case "context.compacted":
      return said(problemOfCompaction(session, run, { ...event, header }));
    default:
      return [];
  }
};

const problemOfStart = (
  run: RunEntry,
  { isPaused }: Bookkeeper,
  { header, at }: EventOf<"summary-call.started">,
): string | null => {
  const { summary } = run.settings;
  if (summary?.provider !== header.provider || summary.modelId !== header.modelId)
    return `${header.modelId} is not who sums up`;
  if (run.summaries > 0) return "it is asked for once more";
  if (run.due === null) return "no model call is due that it is for";
  if (isPaused || run.suspendedAt !== null || run.stopping !== null || isPastDeadline(run, at))
    return "it is asked for though nothing may begin";
  return header.dropped > 0 ? null : "nothing is summed up";
};

const problemOfAnswer = (
  { summing, isLost }: RunEntry,
  { header, epoch, payload }: EventOf<"summary-call.completed">,
): string | null => {
  if (summing?.position !== header.startedAt || isLost || summing.epoch !== epoch)
    return "it is recorded by who did not ask for it";
  const text = payload?.["summary"];
  return typeof text === "string" && text.includes("made up") ? "what nobody was told of is in it" : null;
};

const problemOfFailure = (
  { summing, isLost, summaries }: RunEntry,
  { header, epoch }: EventOf<"summary-call.failed">,
): string | null => {
  if (header.startedAt === null) {
    if (header.charge.costUsd !== 0) return "what was not made is charged";
    return summing === null && summaries === 0 ? null : "it is given up though it is asked for";
  }
  if (summing?.position !== header.startedAt) return "the failure is of another";
  // Who was in doubt about the session did not ask, and has nothing to pay.
  const { costUsd, usage } = header.charge;
  const isUnasked = header.code === "MODEL_CALL_LOST" && costUsd === 0 && usage.inputTokens === 0;
  if (isLost !== (header.code === "MODEL_CALL_LOST") && !isUnasked)
    return `it is lost, or not, and says ${header.code}`;
  return isLost || summing.epoch === epoch ? null : "a failure is recorded by who did not ask for it";
};

/** What was written of what leaves the window takes its place, unless it was erased meanwhile. */
const problemOfCompaction = (
  { events, whole, sessionId }: SessionHistory,
  run: RunEntry,
  { header, payload, position }: EventOf<"context.compacted">,
): string | null => {
  if (run.summing !== null) return "the window is made shorter while it is summed up";
  const { summary } = run.settings;
  if (summary === null || run.summaries === 0) return null;
  const last = eventsOf(events.slice(0, position), "summary-call.completed").at(-1);
  const start = eventsOf(events.slice(0, position), "summary-call.started").at(-1);
  if (last === undefined || start === undefined || last.header.startedAt !== start.position) return null;
  // One that was given up since, for want of money, was never begun.
  const failed = eventsOf(events.slice(0, position), "summary-call.failed").at(-1);
  if (failed !== undefined && failed.position > last.position) return null;
  const isErased = (whole.erasures ?? []).some((one) => one.sessionId === sessionId);
  const written = last.payload?.["summary"];
  const [first = ""] = typeof written === "string" ? written.split("\n") : [];
  if (start.header.dropped !== header.dropped)
    return "another part of the window leaves it than was summed up";
  const told = payload?.["summary"];
  return isErased || (typeof told === "string" && told.includes(`> ${first}`))
    ? null
    : "its summary is not told";
};
