import { isDeepStrictEqual } from "node:util";
import { textOf, type AssistantPart } from "../../../core/message.ts";
import type { RunId } from "../../../core/ids.ts";
import type { JournalEvent } from "../../../core/event.ts";
import type { Outcome } from "../../../runtime/index.ts";
import type { RunAnswer } from "./history.ts";
import { joiningOf, runFollowed } from "./check-steering.ts";
import type { Violation } from "./rules.ts";
import { eventsOf, finder, isRunEnd, runOf, type EventOf, type SessionHistory } from "./session-history.ts";

/** Who asks for a run is told what its journal says of it, and not before it is so (J1, S5); and is told (S3). */
export const checkAnswers = (session: SessionHistory): readonly Violation[] => {
  const { sessionId, events, whole } = session;
  const told = (whole.answers ?? []).filter((one) => one.sessionId === sessionId);
  const waiting = (whole.askers ?? []).filter((one) => one.sessionId === sessionId);
  const say = finder(sessionId, "S5");
  return [
    ...told.flatMap((one) => {
      const problem = problemOf(session, one);
      return problem === null ? [] : [say("told-wrong", null, `of ${one.runId} it was told that ${problem}`)];
    }),
    ...waiting.flatMap(({ name, runId }) =>
      whole.quietAt === undefined || endOf(events, runId) === undefined
        ? []
        : [finder(sessionId, "S3")("not-told", null, `${runId} has ended, and ${name} still waits`)],
    ),
  ];
};

const endOf = (events: readonly JournalEvent[], asked: RunId): JournalEvent | undefined => {
  const runId = runFollowed(events, asked);
  return events.find(({ header }) => isRunEnd(header) && runOf(header) === runId);
};

const problemOf = (session: SessionHistory, { runId: asked, durable, answer }: RunAnswer): string | null => {
  const events = session.events.slice(0, durable);
  const runId = runFollowed(events, asked);
  if (answer.kind === "outcome" && answer.told.status === "suspended")
    return isSuspension(events, runId, answer.told) ? null : "it waits, and it does not";
  const end = endOf(events, runId);
  if (end === undefined)
    return answer.kind === "text" && answer.isCut ? problemOfCut(events, runId) : "it ended";
  if (answer.kind === "outcome") return problemOfOutcome(session, end, answer.told);
  if (answer.kind === "events")
    return answer.last === end.position ? null : `its last event is ${answer.last}, not ${end.position}`;
  return answer.isCut ? problemOfCut(events, runId) : problemOfText(session, asked, answer);
};

const isSuspension = (
  events: readonly JournalEvent[],
  runId: RunId,
  { waitingFor }: Outcome & { readonly status: "suspended" },
): boolean =>
  waitingFor.some(({ kind }) => kind !== "retry" && kind !== "verification") &&
  eventsOf(events, "run.suspended").some(
    ({ header }) => header.runId === runId && isDeepStrictEqual(header.waitingFor, waitingFor),
  );

type Settled = Exclude<Outcome, { readonly status: "suspended" }>;

const problemOfOutcome = (
  session: SessionHistory,
  { header }: JournalEvent,
  told: Outcome,
): string | null => {
  if (told.status === "suspended") return null;
  if (header.type !== `run.${told.status}`) return `it is ${told.status}`;
  if (!("totals" in header) || !isTotal(header, told)) return "it took more or less than it did";
  if (header.type === "run.completed" && told.status === "completed") {
    const answer = session.events[header.answerAt - 1];
    if (isErased(session) || textIn(answer) === told.text) return null;
    return `its answer is "${told.text}"`;
  }
  if (header.type === "run.cancelled" && told.status === "cancelled")
    return isDeepStrictEqual(header.unknown, told.unknownCalls) ? null : "other calls are unknown";
  if (header.type === "run.failed" && told.status === "failed" && !isErased(session))
    return header.code === told.failure.code ? null : `it failed with ${told.failure.code}`;
  return null;
};

const isTotal = (
  header: EventOf<"run.completed" | "run.failed" | "run.cancelled">["header"],
  told: Settled,
): boolean => {
  const { totals, durationMs } = header;
  return (
    totals.turns === told.turns &&
    totals.toolCalls === told.toolCalls &&
    totals.retries === told.retries &&
    totals.spend.estimatedCalls === told.estimatedCalls &&
    isDeepStrictEqual(totals.spend.usage, told.usage) &&
    durationMs === told.durationMs
  );
};

/** What was forgotten cannot be told. */
const isErased = ({ sessionId, whole }: SessionHistory): boolean =>
  (whole.erasures ?? []).some((one) => one.sessionId === sessionId);

const textIn = (answer: JournalEvent | undefined): string => {
  const content = answer?.payload?.["content"];
  return Array.isArray(content) ? textOf(content as readonly AssistantPart[]) : "";
};

const problemOfCut = (events: readonly JournalEvent[], runId: RunId): string | null =>
  eventsOf(events, "model-call.failed").some(({ header }) => header.runId === runId)
    ? null
    : "an answer was cut, and none was";

/** All of each answer, in order; who begins again after a cut is shown what was cut as well. */
const problemOfText = (
  session: SessionHistory,
  asked: RunId,
  { text, onCut }: RunAnswer["answer"] & { readonly kind: "text" },
): string | null => {
  if (isErased(session)) return null;
  const runId = runFollowed(session.events, asked);
  const since = joiningOf(session.events, asked)?.position ?? 0;
  const texts = eventsOf(session.events, "model-call.completed").flatMap((event) =>
    event.header.runId === runId && event.position > since ? [textIn(event)] : [],
  );
  const isRight = onCut === "fail" ? text === texts.join("") : text.includes(texts.at(-1) ?? "");
  return isRight ? null : `it says "${text}"`;
};
