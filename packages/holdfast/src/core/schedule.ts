import type { RunId, SessionId, Timestamp } from "./ids.ts";
import type { JsonObject, JsonValue } from "./json.ts";

/** Version of a schedule as it is stored; one of another version is left to those who know it (S6). */
export const SCHEDULE_VERSION = 1;

/** When a schedule has its ticks. */
export type Timing =
  /** A cron expression of five fields, or six with seconds before them, read in an IANA time zone. */
  | { readonly kind: "cron"; readonly expression: string; readonly timeZone: string }
  /** At `anchor` plus each whole number of intervals, from 1 on. */
  | { readonly kind: "every"; readonly everyMs: number; readonly anchor: Timestamp }
  | { readonly kind: "at"; readonly at: Timestamp };

/** What becomes of ticks that nobody was there for. */
export type MissedPolicy =
  /** A tick that is later than `graceMs` is not run. */
  | { readonly kind: "skip"; readonly graceMs: number }
  /** Of all that are due, the latest is run. */
  | { readonly kind: "once" }
  /** All that are due are run, the latest `most` of them. */
  | { readonly kind: "all"; readonly most: number };

/** A schedule as it is stored: who is to be told what, and when. */
export type StoredSchedule = {
  readonly v: typeof SCHEDULE_VERSION;
  readonly agent: string;
  readonly timing: Timing;
  /** No tick is before; null for none. */
  readonly startAt: Timestamp | null;
  /** No tick is after; null for never. */
  readonly endAt: Timestamp | null;
  /** The input of each run, as it is posted. */
  readonly content: JsonValue;
  /** What the model is told beside it; left out where there is nothing. */
  readonly promptAttributes?: JsonObject;
  /** The key of the session that every tick goes to; null where each tick has a session of its own. */
  readonly sessionKey: string | null;
  readonly user: string | null;
  readonly attributes: JsonObject;
  readonly missed: MissedPolicy;
  /** While the run of an earlier tick is not settled: wait behind it, or leave the tick out. */
  readonly overlap: "queue" | "skip";
  readonly createdAt: Timestamp;
  readonly isPaused: boolean;
  /** Runs that were asked for besides the timetable, and the tick that is owed when they are posted. */
  readonly asked: readonly AskedRun[];
  readonly nextAt: Timestamp | null;
  /** The last tick that was run. */
  readonly last: RanTick | null;
  /** The last tick that was not run, and why. */
  readonly left: LeftTick | null;
};

export type AskedRun = { readonly runId: RunId; readonly at: Timestamp };

export type RanTick = {
  readonly tick: Timestamp;
  readonly sessionId: SessionId;
  readonly runId: RunId | null;
};
export type LeftTick = {
  readonly tick: Timestamp;
  readonly why: "missed" | "overlap" | "session-of-another-agent";
};

/** The first time after another at which there is a tick, or null when there is none any more. */
export type Timetable = (after: Timestamp) => Timestamp | null;

/** The name of a tick's input: with it, a tick is accepted once in its session (J5). */
export const tickKey = (schedule: string, tick: Timestamp): string => `schedule:${schedule}:${tick}`;

/** The same for a run that was asked for besides the timetable. */
export const askedKey = (schedule: string, { runId }: AskedRun): string =>
  `schedule:${schedule}:now:${runId}`;

export const everyTimetable =
  ({ everyMs, anchor }: Extract<Timing, { kind: "every" }>): Timetable =>
  (after) =>
    anchor + everyMs * Math.max(1, Math.floor((after - anchor) / everyMs) + 1);

/** A timetable within the limits of its schedule. */
export const within =
  (timetable: Timetable, { startAt, endAt }: Pick<StoredSchedule, "startAt" | "endAt">): Timetable =>
  (after) => {
    const tick = timetable(startAt === null ? after : Math.max(after, startAt - 1));
    return tick !== null && endAt !== null && tick > endAt ? null : tick;
  };

/** How far back is looked at first for the latest ticks; eight times as far where that is not enough. */
const FIRST_LOOK_MS = 3_600_000;

type DueTicks = {
  /** To be run, in order. */
  readonly run: readonly Timestamp[];
  /** The latest that is due and not to be run; null where there is none. */
  readonly missed: Timestamp | null;
  /** The first that is not due yet; null when there is none any more. */
  readonly next: Timestamp | null;
};

/**
 * What is to be done about a schedule whose tick `from` has come. However long nobody was there, as many ticks
 * are looked at as can be run and some more: those of a year at one a second would take minutes.
 */
export const dueTicks = (
  timetable: Timetable,
  policy: MissedPolicy,
  { from, now }: { readonly from: Timestamp; readonly now: Timestamp },
): DueTicks => {
  const most = policy.kind === "all" ? policy.most : 1;
  const due = latestTicks(timetable, most + 1, { from, now });
  const run = due.slice(-most).filter((tick) => policy.kind !== "skip" || now - tick <= policy.graceMs);
  const left = due.filter((tick) => !run.includes(tick));
  return { run, missed: left.at(-1) ?? null, next: timetable(Math.max(now, from)) };
};

/** The last ticks up to now, at most so many, in order. `from` is one of them. */
const latestTicks = (
  timetable: Timetable,
  most: number,
  { from, now }: { readonly from: Timestamp; readonly now: Timestamp },
): readonly Timestamp[] => {
  for (let lookMs = FIRST_LOOK_MS; ; lookMs *= 8) {
    const begin = Math.max(from, now - lookMs);
    const ticks: Timestamp[] = begin === from ? [from] : [];
    let tick = timetable(begin === from ? from : begin - 1);
    for (; tick !== null && tick <= now; tick = timetable(tick)) {
      ticks.push(tick);
      if (ticks.length > most) ticks.shift();
    }
    if (begin === from || ticks.length >= most) return ticks;
  }
};
