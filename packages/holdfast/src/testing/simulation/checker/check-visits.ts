import type { ModelVisit } from "./history.ts";
import type { Violation } from "./rules.ts";
import { eventsOf, finder, type EventOf, type SessionHistory } from "./session-history.ts";

/** Nothing ends in the very moment in which its time is over. */
const SLACK_MS = 1_000;

/** No model is called by who was told to stop, or by who has lost the session; no answer is used that took too long (E5, E6, J2). */
export const checkVisits = (session: SessionHistory): readonly Violation[] => {
  const { sessionId, whole } = session;
  return (whole.visits ?? [])
    .filter((visit) => visit.sessionId === sessionId)
    .flatMap((visit) => [
      ...(visit.isStopped
        ? [
            finder(sessionId, "E5")(
              "asked-when-stopped",
              visit.durable,
              "a model was called that had to stop at once",
            ),
          ]
        : []),
      ...checkHolder(sessionId, visit, "a model was called"),
      ...checkTimes(session, visit),
    ]);
};

/** Who acts in a session is who has it (J2). */
export const checkHolder = (
  sessionId: string,
  { by, holder, durable }: Pick<ModelVisit, "by" | "holder" | "durable">,
  what: string,
): readonly Violation[] =>
  holder === null || holder === by
    ? []
    : [finder(sessionId, "J2")("acted-for-another", durable, `${what} by ${by} in a session of ${holder}`)];

const checkTimes = (
  { sessionId, events, whole }: SessionHistory,
  visit: ModelVisit,
): readonly Violation[] => {
  const { modelLimits: limits } = whole;
  const answer = answerOf(events, visit);
  if (limits === undefined || answer === undefined) return [];
  const problems: readonly (readonly [tookMs: number, limitMs: number, what: string])[] = [
    [visit.answeredMs ?? 0, limits.totalMs, "in all"],
    [visit.firstMs, limits.firstTokenMs, "to begin"],
    [visit.silenceMs, limits.gapMs, "in the middle"],
  ];
  return problems.flatMap(([tookMs, limitMs, what]) =>
    tookMs <= limitMs + SLACK_MS
      ? []
      : [
          finder(sessionId, "E6")(
            "answer-late",
            answer.position,
            `an answer is used that took ${tookMs} ms ${what}`,
          ),
        ],
  );
};

/** The event that records what came of this call, when it was used. */
const answerOf = (
  events: SessionHistory["events"],
  visit: ModelVisit,
): EventOf<"model-call.completed"> | undefined => {
  const start = eventsOf(events, "model-call.started").findLast(({ position }) => position <= visit.durable);
  const answer = eventsOf(events, "model-call.completed").find(
    ({ header }) => header.startedAt === start?.position,
  );
  return visit.answeredMs === null ? undefined : answer;
};
