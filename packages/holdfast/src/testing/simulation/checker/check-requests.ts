import { isDeepStrictEqual } from "node:util";
import { isJsonObject } from "../../../core/json.ts";
import type { ModelSettings } from "../../../ports/model.ts";
import { mayBeErased } from "./check-erasures.ts";
import type { ModelVisit } from "./history.ts";
import type { Violation } from "./rules.ts";
import { eventsOf, finder, type EventOf, type SessionHistory } from "./session-history.ts";

/** A model heeds what was asked for the run, a tool is told whose session it is, and times are what they were (J3, S1, O1). */
export const checkRequests = (session: SessionHistory): readonly Violation[] => [
  ...checkSettings(session),
  ...checkClients(session),
  ...checkDurations(session),
];

const startOf = (
  { events }: SessionHistory,
  { durable }: ModelVisit,
): EventOf<"model-call.started"> | undefined =>
  eventsOf(events, "model-call.started").findLast(({ position }) => position <= durable);

const visitsOf = ({ sessionId, whole }: SessionHistory): readonly ModelVisit[] =>
  (whole.visits ?? []).filter((visit) => visit.sessionId === sessionId);

const checkSettings = (session: SessionHistory): readonly Violation[] => {
  const { sessionId, events, acknowledged, whole } = session;
  const isForgotten = (whole.erasures ?? []).some((one) => one.sessionId === sessionId);
  return visitsOf(session).flatMap((visit) => {
    const start = startOf(session, visit);
    const runId = start?.header.runId;
    const most = start?.header.reserved?.outputTokens;
    const input = acknowledged.find(
      (one) => one.kind === "input" && one.sent !== undefined && one.runId === runId,
    );
    if (input?.kind !== "input" || visit.settings === undefined || isForgotten) return [];
    const isKnown = eventsOf(events, "run.accepted").some(({ header }) => header.runId === runId);
    if (!isKnown || isHeeded(visit.settings, input.settings ?? {}, most)) return [];
    return [
      finder(sessionId, "J3")(
        "settings-wrong",
        visit.durable,
        `a model heeds ${JSON.stringify(visit.settings)}`,
      ),
    ];
  });
};

/** What the agent always asks for may come on top; under a budget, what was set aside for it. */
const isHeeded = (heeded: ModelSettings, asked: ModelSettings, most: number | undefined): boolean => {
  const { maxOutputTokens, ...others } = heeded;
  return (most === undefined || maxOutputTokens === most) && isDeepStrictEqual(others, asked);
};

const checkClients = ({ sessionId, events, effects, whole }: SessionHistory): readonly Violation[] => {
  const [created] = events;
  const payload = created?.payload;
  if (!isJsonObject(payload) || mayBeErased(whole, sessionId, { position: 1 })) return [];
  const { tenant, user, attributes } = payload;
  const client = JSON.stringify({ tenant, user, attributes });
  return effects.flatMap((entry) =>
    entry.client === undefined || entry.client === client
      ? []
      : [
          finder(sessionId, "S1")(
            "context-wrong",
            entry.durable,
            `${entry.callId} works for ${entry.client}`,
          ),
        ],
  );
};

/** Clocks say whole milliseconds. */
const ROUNDED_MS = 1;

const checkDurations = (session: SessionHistory): readonly Violation[] => {
  const { sessionId, events, whole } = session;
  const say = finder(sessionId, "O1");
  const { modelLimits } = whole;
  const visits = visitsOf(session);
  const visitOf = (startedAt: number, end: number): ModelVisit | undefined =>
    visits.find(({ durable }) => durable >= startedAt && durable < end);
  const answers = eventsOf(events, "model-call.completed").flatMap(({ header, position }) => {
    const visit = visitOf(header.startedAt, position);
    if (visit?.textMs === undefined) return [];
    const problem = problemOfAnswer(header, visit);
    return problem === null ? [] : [say("duration-wrong", position, problem)];
  });
  const failures = eventsOf(events, "model-call.failed").flatMap(({ header, position }) => {
    const visit = visitOf(header.startedAt, position);
    if (modelLimits === undefined || visit === undefined) return [];
    const { firstTokenMs, gapMs, totalMs } = modelLimits;
    const least = new Map<string, number>([
      ["MODEL_FIRST_TOKEN_TIMEOUT", firstTokenMs],
      ["MODEL_GAP_TIMEOUT", (visit.lastMs ?? 0) + gapMs],
      ["MODEL_TIMEOUT", totalMs],
    ]).get(header.code);
    if (least === undefined || header.durationMs + ROUNDED_MS >= least) return [];
    return [
      say("duration-wrong", position, `${header.code} after ${header.durationMs} ms, and not ${least}`),
    ];
  });
  return [...answers, ...failures];
};

const problemOfAnswer = (
  { durationMs, firstTokenMs }: EventOf<"model-call.completed">["header"],
  { textMs, answeredMs }: ModelVisit,
): string | null => {
  if ((textMs === null) !== (firstTokenMs === null))
    return `it begins to answer after ${firstTokenMs} ms, or never`;
  const first = firstTokenMs ?? 0;
  if (first + ROUNDED_MS < (textMs ?? 0)) return `its first word comes after ${first} ms`;
  if (durationMs + ROUNDED_MS < Math.max(first, answeredMs ?? 0)) return `it takes ${durationMs} ms`;
  return null;
};
