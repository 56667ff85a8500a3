import type { JournalEvent } from "../../../core/event.ts";
import type { Activity, History, Moment, Trouble } from "./history.ts";
import type { Violation } from "./rules.ts";
import { isUndo } from "./undo-books.ts";
import { eventsOf, finder, runOf, type EventOf, type SessionHistory } from "./session-history.ts";

/** Something that ran in the world, with what the journal says of its attempt. */
type Running = {
  readonly activity: Activity;
  readonly by: string;
  readonly began: Moment;
  /** Null while it still runs. */
  readonly ended: Moment | null;
  readonly start: EventOf<"tool-call.started">;
};

const runningIn = ({ sessionId, events, whole }: SessionHistory): readonly Running[] => {
  const starts = new Map(
    eventsOf(events, "tool-call.started").map((start) => [
      `${start.header.callId}:${start.header.attempt}`,
      start,
    ]),
  );
  return (whole.activities ?? []).flatMap((activity) => {
    const { by, began, ended = null } = activity;
    const start = starts.get(`${activity.callId}:${activity.attempt}`);
    if (activity.sessionId !== sessionId || by === undefined || began === undefined || start === undefined)
      return [];
    return [{ activity, by, began, ended, start }];
  });
};

/** Whether nothing was the matter with the process from one time to another. */
export const isWellIn = (
  { troubles = [] }: History,
  by: string,
  [fromMs, untilMs]: readonly [number, number],
): boolean =>
  !troubles.some((trouble) => trouble.by === by && trouble.fromMs <= untilMs && trouble.untilMs >= fromMs);

/** The history without what a process makes up for by itself: a store that failed or took its time. */
const withoutStores = (whole: History): History => ({
  ...whole,
  troubles: whole.troubles?.filter(({ kind }: Trouble) => kind !== "store") ?? [],
});

const runsOn = ({ began, ended }: Running, at: Moment): boolean =>
  began.order > at.order || ended === null || ended.order > at.order;

const msAfter = ({ ended }: Running, sinceMs: number): number =>
  (ended?.ms ?? Number.POSITIVE_INFINITY) - sinceMs;

/** When a cancel has returned, what runs in that process has been told to stop, and nothing of the run begins there (E5). */
export const checkStops = (session: SessionHistory): readonly Violation[] => {
  const { sessionId, events, models, whole } = session;
  const say = finder(sessionId, "E5");
  const running = runningIn(session);
  return (whole.stops ?? []).flatMap((stop) => {
    if (stop.sessionId !== sessionId) return [];
    const isMeant = (one: Running): boolean =>
      !isUndo(one.start.header.callId) && one.by === stop.by && one.start.header.runId === stop.runId;
    const tools = running
      .filter((one) => isMeant(one) && runsOn(one, stop.at))
      .map(({ start }) =>
        say("not-stopped", start.position, `${start.header.callId} runs on after its cancel`),
      );
    const asked = models.filter(
      ({ by, order = 0, durable }) =>
        by === stop.by && order > stop.at.order && runAsking(events, durable) === stop.runId,
    );
    return [
      ...tools,
      ...asked.map(({ durable }) =>
        say("not-stopped", durable, "a model is asked after its run was cancelled"),
      ),
    ];
  });
};

const runAsking = (events: readonly JournalEvent[], durable: number): string | null => {
  const start = events.slice(0, durable).findLast(({ header }) => header.type === "model-call.started");
  return start === undefined ? null : runOf(start.header);
};

/** Others hear of a cancel within 250 ms; this is how long they may take to act on it. */
const HEED_WITHIN_MS = 2_000;

/** A cancel that was posted elsewhere is heard of soon, where nothing is the matter (E5). */
export const checkHearing = (session: SessionHistory): readonly Violation[] => {
  const { sessionId, whole } = session;
  const say = finder(sessionId, "E5");
  const cancels = (whole.posted ?? []).filter((one) => one.sessionId === sessionId && one.kind === "cancel");
  const running = cancels.length === 0 ? [] : runningIn(session);
  return cancels.flatMap(({ at, runId }) =>
    running
      .filter(
        (one) =>
          one.start.header.runId === runId &&
          !isUndo(one.start.header.callId) &&
          one.began.ms < at &&
          msAfter(one, at) > HEED_WITHIN_MS &&
          isWellIn(whole, one.by, [at, at + HEED_WITHIN_MS]),
      )
      .map(({ start }) =>
        say("not-stopped", start.position, `${start.header.callId} is not told of its cancel`),
      ),
  );
};

const TOLD_WITHIN_MS = 100;

/** No attempt is left running when its time, or that of its run, is over (E6). */
export const checkTimes = (session: SessionHistory): readonly Violation[] => {
  const { sessionId, events, whole } = session;
  const say = finder(sessionId, "E6");
  const history = withoutStores(whole);
  const expiries = eventsOf(events, "run.expired");
  return runningIn(session).flatMap((one) => {
    const { began, ended, start, by, activity } = one;
    const until = activity.until ?? Number.POSITIVE_INFINITY;
    const endMs = ended?.ms ?? Number.POSITIVE_INFINITY;
    if (!isWellIn(history, by, [began.ms, endMs])) return [];
    const limits = [
      start.header.notAfter,
      ...expiries.flatMap(({ header, epoch, at }) =>
        // It is heeded when it is stored, which takes a slow store its time.
        header.runId === start.header.runId &&
        !isUndo(start.header.callId) &&
        epoch === start.epoch &&
        isWellIn(whole, by, [began.ms + at - start.at, began.ms + at - start.at + HEED_WITHIN_MS])
          ? [at + HEED_WITHIN_MS]
          : [],
      ),
    ];
    if (until <= Math.min(...limits) + TOLD_WITHIN_MS) return [];
    return [say("outlives-its-time", start.position, `${start.header.callId} runs on after its time`)];
  });
};

/** A lease is renewed every ten seconds, so that by then its holder knows that it is lost. */
const LOSS_KNOWN_WITHIN_MS = 20_000;

/** When, from a moment on, a process is first well for as long as it takes to hear of a loss. */
const wellFrom = (whole: History, by: string, fromMs: number): number =>
  [fromMs, ...(whole.troubles ?? []).flatMap((one) => (one.by === by ? [one.untilMs + 1] : []))]
    .filter((ms) => ms >= fromMs && isWellIn(whole, by, [ms, ms + LOSS_KNOWN_WITHIN_MS]))
    .reduce((least, ms) => Math.min(least, ms), Number.POSITIVE_INFINITY);

/** Who has lost a session stops what runs in it, once it can know (J2). */
export const checkOrphans = (session: SessionHistory): readonly Violation[] => {
  const { sessionId, whole } = session;
  const say = finder(sessionId, "J2");
  const written = (whole.written ?? []).filter((one) => one.sessionId === sessionId);
  return runningIn(session).flatMap((one) => {
    const taken = written.find(({ epoch, atMs }) => epoch > one.start.epoch && atMs !== undefined);
    const takenMs = Math.max(taken?.atMs ?? Number.POSITIVE_INFINITY, one.began.ms);
    if (taken === undefined || msAfter(one, takenMs) <= LOSS_KNOWN_WITHIN_MS) return [];
    if (msAfter(one, wellFrom(whole, one.by, takenMs)) <= LOSS_KNOWN_WITHIN_MS) return [];
    const what = `${one.start.header.callId} runs on though its session was taken over`;
    return [say("outlives-its-holder", one.start.position, what)];
  });
};

/** Who lets a session go has nothing under way in it (J2). */
export const checkLettingGo = (session: SessionHistory): readonly Violation[] => {
  const { sessionId, whole } = session;
  const say = finder(sessionId, "J2");
  const gone = (whole.written ?? []).filter((one) => one.sessionId === sessionId && one.isLet === true);
  return gone.length === 0
    ? []
    : runningIn(session).flatMap((one) =>
        gone.some(
          ({ writer, atMs = 0 }) => writer === one.by && one.began.ms < atMs && msAfter(one, atMs) > 0,
        )
          ? [
              say(
                "let-go-at-work",
                one.start.position,
                `${one.start.header.callId} runs on though its session was let go`,
              ),
            ]
          : [],
      );
};

/** Who cannot go on with a session stops what runs in it (S1). */
export const checkBroken = (session: SessionHistory): readonly Violation[] => {
  const { sessionId, whole } = session;
  const say = finder(sessionId, "S1");
  const broken = (whole.broken ?? []).filter((one) => one.sessionId === sessionId);
  return broken.length === 0
    ? []
    : runningIn(session).flatMap((one) =>
        broken.some(
          ({ by, atMs }) => by === one.by && one.began.ms < atMs && msAfter(one, atMs) > TOLD_WITHIN_MS,
        )
          ? [
              say(
                "outlives-its-holder",
                one.start.position,
                `${one.start.header.callId} runs on in a session that was given up`,
              ),
            ]
          : [],
      );
};

/** What troubled a holder longer ago than this has cost it no lease. */
const LEASE_AGE_MS = 45_000;

/** What a healthy process has under way is not taken from it (J2). */
export const checkTakings = ({ sessionId, events, whole }: SessionHistory): readonly Violation[] => {
  const say = finder(sessionId, "J2");
  const written = (whole.written ?? []).filter((one) => one.sessionId === sessionId);
  return eventsOf(events, "session.recovered").flatMap(({ header, position, epoch }) => {
    const holder = written.find((one) => one.epoch === header.previousEpoch)?.writer;
    const takenMs = written.find((one) => one.epoch === epoch)?.atMs;
    if (holder === undefined || takenMs === undefined) return [];
    if (!isWellIn(whole, holder, [takenMs - LEASE_AGE_MS, takenMs])) return [];
    return [say("taken-from-the-healthy", position, `${holder} had it, and nothing was the matter`)];
  });
};

/** Who follows a session to the end has seen all of it, and who looks at it all that there was (S5). */
export const checkFollowers = ({ sessionId, events, whole }: SessionHistory): readonly Violation[] => {
  const say = finder(sessionId, "S5");
  const all = (whole.followers ?? []).flatMap(({ subscriber, since = 0, ...follower }) => {
    if (follower.sessionId !== sessionId) return [];
    const seen = (whole.sightings ?? []).findLast((one) => one.subscriber === subscriber)?.position ?? since;
    if (seen === events.length) return [];
    return [say("not-seen", seen, `${subscriber} has seen ${seen} of ${events.length} events`)];
  });
  const glances = (whole.glances ?? []).flatMap(({ subscriber, seen, least, ...one }) =>
    one.sessionId !== sessionId || seen >= least
      ? []
      : [say("not-seen", seen, `${subscriber} looked at ${least} events and saw ${seen}`)],
  );
  return [...all, ...glances];
};
