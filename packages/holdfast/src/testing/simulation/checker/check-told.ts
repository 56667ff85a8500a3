import type { EventHeader } from "../../../core/event.ts";
import type { RunId } from "../../../core/ids.ts";
import type { History, Told } from "./history.ts";
import type { Violation } from "./rules.ts";
import { eventsOf, finder, isRunEnd, type SessionHistory } from "./session-history.ts";

/** What callers were told of a session is so: its agent, the runs that were stopped, the answers that were taken. */
export const checkTold = (session: SessionHistory): readonly Violation[] => {
  const told = (session.whole.told ?? []).filter(({ sessionId }) => sessionId === session.sessionId);
  return [
    ...checkKeys(session),
    ...told.flatMap((one) => problemsOf(session, one)),
    ...checkAnswers(session, told),
  ];
};

/** A key stands for one input, and whoever comes with another is refused (J5). */
const checkKeys = ({ sessionId, acknowledged, whole }: SessionHistory): readonly Violation[] => {
  const says = new Map<string, string>();
  return acknowledged.flatMap((one) => {
    // What was forgotten cannot be compared any more (C13).
    if (one.kind !== "input" || isForgotten(whole, sessionId, one.at)) return [];
    const first = says.get(one.key) ?? one.says;
    says.set(one.key, first);
    if (first === one.says) return [];
    return [
      finder(sessionId, "J5")("key-with-two-inputs", null, `${one.key} was taken for "${one.says}" too`),
    ];
  });
};

const isForgotten = ({ erasures = [] }: History, sessionId: string, at = Number.POSITIVE_INFINITY): boolean =>
  erasures.some((one) => one.sessionId === sessionId && one.from.ms <= at);

const problemsOf = (session: SessionHistory, one: Told): readonly Violation[] => {
  if (one.kind === "session") return problemsOfAgent(session, one);
  return one.kind === "stopped" ? problemsOfStop(session, one) : [];
};

/** A session belongs to the agent it was made with (J5). */
const problemsOfAgent = (
  { sessionId, events }: SessionHistory,
  { agent }: Told & { kind: "session" },
): readonly Violation[] => {
  const [created] = eventsOf(events, "session.created");
  if (created === undefined || created.header.agent === agent) return [];
  const what = `it was given out as one of ${agent}, and is one of ${created.header.agent}`;
  return [finder(sessionId, "J5")("agent-mixed", 1, what)];
};

/** Who stops a session stops every run that was acknowledged before and had not ended by then (E5). */
const problemsOfStop = (
  { sessionId, events }: SessionHistory,
  { before, runs, durable }: Told & { kind: "stopped" },
): readonly Violation[] => {
  const ended = new Set(
    events.flatMap(({ header, position }) => (position <= durable ? endedBy(header) : [])),
  );
  const left = before.find((runId) => !runs.includes(runId) && !ended.has(runId));
  if (left === undefined) return [];
  return [finder(sessionId, "E5")("run-left", null, `all runs were to be stopped, and ${left} was not`)];
};

/** What joined another run is stopped with that. */
const endedBy = (header: EventHeader): readonly RunId[] => {
  if (header.type === "run.steered") return [header.steerId];
  return isRunEnd(header) && "runId" in header ? [header.runId] : [];
};

/** An answer is taken of a call that waits for one, and one answer for each attempt (E2). */
const checkAnswers = (
  { sessionId, events, whole }: SessionHistory,
  told: readonly Told[],
): readonly Violation[] => {
  const say = finder(sessionId, "E2");
  const taken = new Map<string, number>();
  return told.flatMap((one) => {
    if (one.kind !== "resolution") return [];
    const { callId, durable } = one;
    const isAsked = eventsOf(events, "tool-call.unknown").some(
      ({ header, position }) => header.callId === callId && position <= durable,
    );
    const attempts = eventsOf(events, "tool-call.started").filter(({ header }) => header.callId === callId);
    const count = (taken.get(callId) ?? 0) + 1;
    taken.set(callId, count);
    if (!isAsked)
      return [say("answer-taken", null, `an answer was taken of ${callId}, which waits for none`)];
    if (count <= attempts.length || isForgotten(whole, sessionId)) return [];
    return [say("answer-taken", null, `${count} answers were taken of ${callId}`)];
  });
};
