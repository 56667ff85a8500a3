import { ConfigurationError } from "../../core/errors.ts";
import type { Timestamp } from "../../core/ids.ts";
import { toJournalObject } from "../../core/journal-value.ts";
import {
  SCHEDULE_VERSION,
  type MissedPolicy,
  type StoredSchedule,
  type Timing,
} from "../../core/schedule.ts";
import type { AgentDefinition } from "../../runtime/define-agent.ts";
import { prepareInput, type Input } from "../../runtime/input.ts";
import { preparePromptAttributes, type PromptAttributes } from "../prompt-attributes.ts";
import { checkOptions, maybeName, positiveInteger, wholeNumber } from "../../definitions/known-options.ts";
import { sha256 } from "../../runtime/node-sha256.ts";
import { timetableOf } from "./timetable.ts";

type When = Date | number;

/** Everything there is to say about a schedule. Exactly one of `cron`, `everyMs` and `at` says when. */
export type ScheduleOptions = {
  /** Yours, to make it once however often this runs; else it gets one. */
  readonly id?: string;
  readonly agent: AgentDefinition<unknown, never> | string;
  /** What each run is given: text, or parts without bytes. */
  readonly input: Input;
  /** Five fields, or six with seconds before them, as in `0 3 * * 1-5`; read in `timeZone`. */
  readonly cron?: string;
  /** IANA name, as in `Europe/Berlin`; UTC by default. Only with `cron`. */
  readonly timeZone?: string;
  /** From a second on, counted from `startAt`, or from when it is made. */
  readonly everyMs?: number;
  /** Once. A date, or milliseconds since the Unix epoch. */
  readonly at?: When;
  /** No tick is before. */
  readonly startAt?: When;
  /** No tick is after. */
  readonly endAt?: When;
  /** Every tick goes to the session with this key; without it, each has a session of its own. */
  readonly sessionKey?: string;
  readonly tenant?: string;
  readonly user?: string;
  /** Of sessions that it makes: for tools, and never shown to the model. */
  readonly attributes?: Readonly<Record<string, unknown>>;
  /** What the model is told beside the input of each run, as with `send`; at most 8,000 characters of JSON. */
  readonly promptAttributes?: PromptAttributes;
  /**
   * Ticks that nobody was there for: `once` (the default) runs the latest of them, `skip` none that is more than a
   * minute late, `{ all: n }` the latest n.
   */
  readonly missed?: "once" | "skip" | { readonly all: number } | { readonly skipAfterMs: number };
  /** While an earlier tick's run is not settled: `queue` (the default), or `skip` the tick. */
  readonly overlap?: "queue" | "skip";
};

const KNOWN = [
  "id",
  "agent",
  "input",
  "cron",
  "timeZone",
  "everyMs",
  "at",
  "startAt",
  "endAt",
  "sessionKey",
  "tenant",
  "user",
  "attributes",
  "promptAttributes",
  "missed",
  "overlap",
];

const OWNER = "schedules.create";
const LEAST_EVERY_MS = 1_000;
const MOST_MISSED = 1_000;
const GRACE_MS = 60_000;
const MOST_CRON_CHARS = 200;
const ID = /^[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}$/;

type Made = { readonly id: string; readonly tenant: string | null; readonly schedule: StoredSchedule };
type Place = { readonly now: Timestamp; readonly newId: () => string };

/** Reads the options of a schedule. @throws ConfigurationError */
export const toSchedule = (options: ScheduleOptions, { now, newId }: Place): Made => {
  checkOptions(options, { owner: OWNER, known: KNOWN, later: [] });
  const startAt = options.startAt === undefined ? null : timeOf("startAt", options.startAt);
  const limits = { startAt, endAt: options.endAt === undefined ? null : timeOf("endAt", options.endAt) };
  const timing = timingOf(options, startAt === null ? now : startAt - (options.everyMs ?? 0));
  const nextAt = firstTick({ timing, ...limits }, now);
  const schedule: StoredSchedule = {
    v: SCHEDULE_VERSION,
    agent: nameOf(options.agent),
    timing,
    ...limits,
    content: contentOf(options.input),
    ...preparePromptAttributes(OWNER, options.promptAttributes),
    sessionKey: options.sessionKey ?? null,
    user: maybeName(OWNER, "user", options.user),
    attributes: toJournalObject(options.attributes ?? {}).value,
    missed: missedOf(options.missed ?? "once"),
    overlap: overlapOf(options.overlap ?? "queue"),
    createdAt: now,
    isPaused: false,
    asked: [],
    nextAt,
    last: null,
    left: null,
  };
  return {
    id: options.id === undefined ? newId() : idOf(options.id),
    tenant: maybeName(OWNER, "tenant", options.tenant),
    schedule,
  };
};

const invalid = (what: string, hint: string): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", `${OWNER}: ${what}`, { hint });

const nameOf = (agent: ScheduleOptions["agent"]): string => {
  const name = typeof agent === "string" ? agent : agent.name;
  if (typeof name === "string" && name !== "") return name;
  throw invalid("there is no agent.", "Give `agent`: a definition, or its name.");
};

const idOf = (id: string): string => {
  if (ID.test(id)) return id;
  throw invalid(
    `"${id}" cannot be an id.`,
    "Use up to 100 letters, digits, _ or -, beginning with a letter or digit.",
  );
};

const timingOf = ({ cron, timeZone, everyMs, at }: ScheduleOptions, anchor: Timestamp): Timing => {
  const given = [cron, everyMs, at].filter((value) => value !== undefined);
  if (given.length !== 1)
    throw invalid("it does not say when.", "Give exactly one of `cron`, `everyMs` and `at`.");
  if (timeZone !== undefined && cron === undefined)
    throw invalid('"timeZone" goes with "cron".', "A time is the same everywhere: leave it out.");
  if (cron !== undefined) return cronOf(cron, timeZone ?? "UTC");
  if (at !== undefined) return { kind: "at", at: timeOf("at", at) };
  const ms = positiveInteger(OWNER, "everyMs", everyMs ?? 0);
  if (ms < LEAST_EVERY_MS)
    throw invalid(`"everyMs" must be ${LEAST_EVERY_MS} or more.`, "A tick a second is the most.");
  return { kind: "every", everyMs: ms, anchor };
};

const cronOf = (expression: string, timeZone: string): Timing => {
  const timing = { kind: "cron", expression, timeZone } as const;
  if (typeof expression !== "string" || expression.length > MOST_CRON_CHARS)
    throw invalid('"cron" is not a cron expression.', 'Give five fields, for example "0 3 * * *".');
  if (!isTimeZone(timeZone))
    throw invalid(`there is no time zone "${timeZone}".`, 'Give its IANA name, for example "Europe/Berlin".');
  try {
    timetableOf({ timing, startAt: null, endAt: null })(0);
    return timing;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw invalid(
      `"${expression}" cannot be read as cron: ${why}`,
      'Give five fields, for example "0 3 * * *".',
    );
  }
};

const isTimeZone = (timeZone: string): boolean => {
  try {
    return new Intl.DateTimeFormat("en", { timeZone }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
};

const firstTick = (schedule: Parameters<typeof timetableOf>[0], now: Timestamp): Timestamp => {
  const first = timetableOf(schedule)(now);
  if (first !== null) return first;
  throw invalid("it would have no tick.", "Look at its times: they have passed, or never come.");
};

const timeOf = (name: string, when: When): Timestamp => {
  const time = when instanceof Date ? when.getTime() : when;
  if (typeof time === "number" && Number.isFinite(time)) return Math.trunc(time);
  throw invalid(`"${name}" is not a time.`, "Give a Date, or milliseconds since the Unix epoch.");
};

const contentOf = (input: Input): StoredSchedule["content"] => {
  const { content, blobs } = prepareInput(input, sha256);
  if (blobs.length === 0) return content;
  throw invalid("its input has bytes.", "A schedule is kept for long: give the file as a URL.");
};

const missedOf = (missed: NonNullable<ScheduleOptions["missed"]>): MissedPolicy => {
  if (missed === "once") return { kind: "once" };
  if (missed === "skip") return { kind: "skip", graceMs: GRACE_MS };
  if (typeof missed === "object" && "skipAfterMs" in missed)
    return { kind: "skip", graceMs: wholeNumber(OWNER, "missed.skipAfterMs", missed.skipAfterMs) };
  const most = typeof missed === "object" ? positiveInteger(OWNER, "missed.all", missed.all) : 0;
  if (most > 0 && most <= MOST_MISSED) return { kind: "all", most };
  throw invalid(
    '"missed" is not one of the policies.',
    `Give "once", "skip", or { all: n } up to ${MOST_MISSED}.`,
  );
};

const overlapOf = (overlap: StoredSchedule["overlap"]): StoredSchedule["overlap"] => {
  if (overlap === "queue" || overlap === "skip") return overlap;
  throw invalid('"overlap" is neither "queue" nor "skip".', "Leave it out to queue.");
};
