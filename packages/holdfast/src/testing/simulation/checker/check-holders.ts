import type { JournalEvent } from "../../../core/event.ts";
import { isWellIn } from "./check-promptness.ts";
import type { History, Lapse, Written } from "./history.ts";
import type { Violation } from "./rules.ts";
import { eventsOf, finder, type SessionHistory } from "./session-history.ts";

/** Work is asked for every second. */
const FREED_WITHIN_MS = 8_000;

const isHeirWell = (whole: History, fromMs: number): boolean =>
  (whole.births ?? []).some(
    ({ by, atMs }) => atMs <= fromMs && isWellIn(whole, by, [fromMs, fromMs + FREED_WITHIN_MS]),
  );

/** What the dead had under way is taken up as soon as they are known to be dead, where somebody is well (J2). */
export const checkInheritance = ({ sessionId, events, whole }: SessionHistory): readonly Violation[] => {
  const say = finder(sessionId, "J2");
  const { deaths = [], isCrowded = false } = whole;
  // Whoever is well may have its hands full with others.
  if (isCrowded) return [];
  const written = (whole.written ?? []).filter((one) => one.sessionId === sessionId);
  return eventsOf(events, "session.recovered").flatMap(({ header, position, epoch }) => {
    const holder = written.find((one) => one.epoch === header.previousEpoch)?.writer;
    const takenMs = written.find((one) => one.epoch === epoch)?.atMs ?? 0;
    const freedMs = deaths.find(({ by }) => by === holder)?.atMs ?? Number.POSITIVE_INFINITY;
    if (takenMs - freedMs <= FREED_WITHIN_MS || !isHeirWell(whole, freedMs)) return [];
    const what = `${holder} was known to be dead for ${takenMs - freedMs} ms before anybody took it up`;
    return [say("left-with-the-dead", position, what)];
  });
};

/** A lease is renewed every ten seconds: who is well for this long before its end has tried to. */
const RENEWED_WITHIN_MS = 17_000;

/** Who is well renews its leases or lets the session go (J2). */
export const checkLapses = ({ sessionId, whole }: SessionHistory): readonly Violation[] => {
  const { lapses = [], troubles = [] } = whole;
  const isExcused = ({ by, heldMs, endMs }: Lapse): boolean =>
    !isWellIn(whole, by, [endMs - RENEWED_WITHIN_MS, endMs]) ||
    troubles.some(
      (one) => one.by === by && one.kind === "clock" && one.fromMs >= heldMs && one.fromMs <= endMs,
    );
  return lapses
    .filter((lapse) => lapse.sessionId === sessionId && !isExcused(lapse))
    .map(({ by, endMs }) =>
      finder(sessionId, "J2")("lease-left", null, `${by} let its lease run out at ${endMs}`),
    );
};

/** A lease that nobody let go is let go by who looks for work, where somebody is well (S3). */
export const checkRest = ({ sessionId, whole }: SessionHistory): readonly Violation[] =>
  (whole.left ?? [])
    .filter((one) => one.sessionId === sessionId && isHeirWell(whole, whole.leftMs ?? 0))
    .map(({ by }) => finder(sessionId, "S3")("held-at-rest", null, `${by} had it, and nobody let it go`));

/** What was under way is safe to look at only when the lease under which it began has run out, whoever had it (E2). */
export const checkSafety = ({ sessionId, events, whole }: SessionHistory): readonly Violation[] => {
  const say = finder(sessionId, "E2");
  const { takings = [], troubles = [], written = [] } = whole;
  return eventsOf(events, "session.recovered").flatMap(({ header, position, epoch }) => {
    const taking = takings.find((one) => one.sessionId === sessionId && one.epoch === epoch);
    const takenMs = written.find((one) => one.sessionId === sessionId && one.epoch === epoch)?.atMs;
    if (taking === undefined || takenMs === undefined) return [];
    if (!taking.isKnown || header.safeAt >= taking.expiresAt) return [];
    const isGone = troubles.some(
      ({ by, kind, fromMs }) => by === taking.from && kind === "gone" && fromMs <= takenMs,
    );
    const what = `${taking.from} may have been at work for ${taking.expiresAt - header.safeAt} ms more`;
    return isGone ? [] : [say("safe-too-soon", position, what)];
  });
};

type GivenUp = { readonly start: JournalEvent; readonly end: JournalEvent };

/** Calls that were given up under the epoch in which they started, because it was in doubt whose the session is. */
const givenUpIn = (events: readonly JournalEvent[]): readonly GivenUp[] =>
  events.flatMap((end) => {
    const start = startOf(events, end);
    return start !== undefined && start.epoch === end.epoch ? [{ start, end }] : [];
  });

const startOf = (
  events: readonly JournalEvent[],
  { header: end, at }: JournalEvent,
): JournalEvent | undefined => {
  if (end.type === "model-call.failed" && end.code === "MODEL_CALL_LOST") return events[end.startedAt - 1];
  if (end.type === "summary-call.failed" && end.code === "MODEL_CALL_LOST")
    return events[(end.startedAt ?? 0) - 1];
  if (end.type !== "tool-call.failed" || end.code !== "TOOL_CALL_LOST") return undefined;
  return eventsOf(events, "tool-call.started").find(
    ({ header }) => header.callId === end.callId && header.attempt === end.attempt && at < header.notAfter,
  );
};

/** Who is in doubt about its lease asks for it before it gives up what it has just begun (J2). */
export const checkDoubts = ({ sessionId, events, whole }: SessionHistory): readonly Violation[] => {
  const { troubles = [] } = whole;
  const written = (whole.written ?? []).filter((one) => one.sessionId === sessionId);
  const commitOf = ({ position }: JournalEvent): Written | undefined =>
    written.find((one) => one.events.some((event) => event.position === position));
  return givenUpIn(events).flatMap(({ start, end }) => {
    const { writer = "", atMs = 0 } = commitOf(start) ?? {};
    const untilMs = commitOf(end)?.atMs ?? atMs;
    // What came over it when its start was stored may have cost it the lease.
    const isExcused = troubles.some(
      ({ by, kind, ...one }) =>
        by === writer &&
        one.fromMs <= untilMs &&
        (one.fromMs >= atMs || (kind === "stopped" && one.untilMs >= atMs)),
    );
    const what = `${writer} gave it up for a lease that it had`;
    return isExcused ? [] : [finder(sessionId, "J2")("given-up-in-doubt", end.position, what)];
  });
};
