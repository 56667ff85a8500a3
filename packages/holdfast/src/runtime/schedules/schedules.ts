import { ConflictError, NotFoundError } from "../../core/errors.ts";
import type { RunId, SessionId, Timestamp } from "../../core/ids.ts";
import { askedKey, type LeftTick, type RanTick, type StoredSchedule } from "../../core/schedule.ts";
import type { JsonObject } from "../../core/json.ts";
import { readSchedule, scheduleAssignee, sessionOfTick } from "../../engine/schedule-clock.ts";
import type { Duty } from "../../ports/duty.ts";
import type { RuntimeServices } from "../../runtime/runtime-services.ts";
import { toSchedule, type ScheduleOptions } from "./schedule-options.ts";
import { timetableOf } from "./timetable.ts";

/** A schedule and where it stands. */
export type Schedule = {
  readonly id: string;
  readonly agent: string;
  readonly tenant: string | null;
  readonly user: string | null;
  /** `done` when no tick comes any more. */
  readonly status: "active" | "paused" | "done";
  readonly timing: StoredSchedule["timing"];
  /** The next tick, in milliseconds since the Unix epoch; null where none comes by itself. */
  readonly nextAt: Timestamp | null;
  readonly startAt: Timestamp | null;
  readonly endAt: Timestamp | null;
  readonly sessionKey: string | null;
  readonly missed: StoredSchedule["missed"];
  readonly overlap: StoredSchedule["overlap"];
  readonly content: StoredSchedule["content"];
  readonly attributes: StoredSchedule["attributes"];
  /** What the model is told beside the input; left out where there is nothing. */
  readonly promptAttributes?: JsonObject;
  readonly createdAt: Timestamp;
  readonly last: RanTick | null;
  readonly left: LeftTick | null;
};

export type ScheduleQuery = {
  readonly agent?: string;
  readonly tenant?: string;
  /** 50 by default. */
  readonly limit?: number;
  /** From the page before; pages go from the newest schedule to the oldest. */
  readonly cursor?: string;
};

export type SchedulePage = { readonly schedules: readonly Schedule[]; readonly cursor: string | null };

type Parts = {
  readonly services: RuntimeServices;
  readonly checkOpen: () => void;
  /** Tells this process's worker that a time may have changed. */
  readonly onChange: () => void;
};

/** Somebody else may change it at the same moment; more often than this in a row is a defect. */
const MOST_TRIES = 100;

/** Runs by the calendar: rows in the store, which any process that has the agent looks after. */
export class Schedules {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Makes a schedule. With an `id` of your own it is made once: the same again answers with the one there is.
   *
   * @throws ConfigurationError when it cannot be read, or would have no tick; ConflictError when the id is taken
   * by another schedule.
   */
  async create(options: ScheduleOptions): Promise<Schedule> {
    const { services, checkOpen } = this.#parts;
    checkOpen();
    const now = services.clock.now();
    const { id, tenant, schedule } = toSchedule(options, {
      now,
      newId: () => `sch_${services.clock.newId()}`,
    });
    const duty = {
      kind: "schedule",
      id,
      assignee: scheduleAssignee(schedule.agent),
      tenant,
      lane: null,
      place: 0,
      dueAt: schedule.nextAt,
      body: JSON.stringify(schedule),
    } as const;
    const answer = await services.store.changeDuty({ kind: "put", duty, expect: null });
    if (answer === "ok") {
      this.#parts.onChange();
      return toView({ ...duty, revision: 1 }, schedule);
    }
    const found = await this.#find(id);
    if (found !== null && found.duty.tenant === tenant && isSame(found.schedule, schedule))
      return toView(found.duty, found.schedule);
    throw new ConflictError("IDEMPOTENCY_CONFLICT", `There is another schedule with the id "${id}".`, {
      hint: "Remove it first, or give the new one another id.",
      details: { schedule: id },
    });
  }

  /** @throws NotFoundError */
  async get(id: string): Promise<Schedule> {
    const { duty, schedule } = await this.#mustFind(id);
    return toView(duty, schedule);
  }

  /** One page, newest first. */
  async list({ agent, limit = 50, ...query }: ScheduleQuery = {}): Promise<SchedulePage> {
    const { services, checkOpen } = this.#parts;
    checkOpen();
    const of = agent === undefined ? {} : { assignee: scheduleAssignee(agent) };
    const page = await services.store.listDuties({ kind: "schedule", limit, ...query, ...of });
    const schedules = page.duties.flatMap((duty) => {
      const schedule = readSchedule(duty.body);
      return schedule === null ? [] : [toView(duty, schedule)];
    });
    return { schedules, cursor: page.cursor };
  }

  /** No tick comes until it is resumed. One that is being started at this moment still is. @throws NotFoundError */
  async pause(id: string): Promise<Schedule> {
    return this.#change(id, (schedule) => ({ ...schedule, isPaused: true, asked: [], nextAt: null }));
  }

  /** Goes on with the next tick from now; those of the time between are not made up for. @throws NotFoundError */
  async resume(id: string): Promise<Schedule> {
    return this.#change(id, (schedule, now) =>
      schedule.isPaused ? { ...schedule, isPaused: false, nextAt: timetableOf(schedule)(now) } : schedule,
    );
  }

  /** Sessions and runs that it began stay. @throws NotFoundError */
  async remove(id: string): Promise<void> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const { duty } = await this.#mustFind(id);
      const gone = { kind: "remove", duty: { kind: "schedule", id }, expect: duty.revision } as const;
      if ((await this.#parts.services.store.changeDuty(gone)) === "ok") return;
    }
    throw restless(id);
  }

  /**
   * Runs it once now, besides its ticks, also while it is paused. When this returns, that is durable; a process that
   * has the agent posts the input.
   *
   * @throws NotFoundError
   */
  async runNow(id: string): Promise<{ readonly sessionId: SessionId; readonly runId: RunId }> {
    const { clock, sha256 } = this.#parts.services;
    const asked = { runId: `run_${clock.newId()}`, at: clock.now() };
    const schedule = await this.#change(id, (before) => ({ ...before, asked: [...before.asked, asked] }));
    const place = { tenant: schedule.tenant, dedupeKey: askedKey(id, asked) };
    return { sessionId: sessionOfTick(sha256, schedule, place), runId: asked.runId };
  }

  async #change(
    id: string,
    change: (schedule: StoredSchedule, now: Timestamp) => StoredSchedule,
  ): Promise<Schedule> {
    const { services, onChange } = this.#parts;
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const { duty, schedule } = await this.#mustFind(id);
      const { revision, ...rest } = duty;
      const changed = change(schedule, services.clock.now());
      const dueAt = changed.asked.length > 0 ? (changed.asked[0]?.at ?? null) : changed.nextAt;
      const moved = { ...rest, dueAt, body: JSON.stringify(changed) };
      const answer = await services.store.changeDuty({ kind: "put", duty: moved, expect: revision });
      if (answer !== "ok") continue;
      onChange();
      return toView({ ...moved, revision: revision + 1 }, changed);
    }
    throw restless(id);
  }

  async #mustFind(id: string): Promise<{ readonly duty: Duty; readonly schedule: StoredSchedule }> {
    this.#parts.checkOpen();
    const found = await this.#find(id);
    if (found !== null) return found;
    throw new NotFoundError("SCHEDULE_NOT_FOUND", `There is no schedule "${id}".`, {
      hint: "`holdfast schedules list` shows those there are.",
      details: { schedule: id },
    });
  }

  async #find(id: string): Promise<{ readonly duty: Duty; readonly schedule: StoredSchedule } | null> {
    const { duties } = await this.#parts.services.store.listDuties({ kind: "schedule", id, limit: 1 });
    const [duty] = duties;
    const schedule = duty === undefined ? null : readSchedule(duty.body);
    return duty === undefined || schedule === null ? null : { duty, schedule };
  }
}

const restless = (id: string): ConflictError =>
  new ConflictError("IDEMPOTENCY_CONFLICT", `Schedule "${id}" is changed by others without a pause.`);

/** What was asked for, without where it stands. */
const isSame = (left: StoredSchedule, right: StoredSchedule): boolean => asked(left) === asked(right);

const asked = ({ timing, ...schedule }: StoredSchedule): string => {
  const { agent, startAt, endAt, content, sessionKey, user, attributes, missed, overlap } = schedule;
  const { promptAttributes = {} } = schedule;
  // Without `startAt`, intervals count from when it was made.
  const when = timing.kind === "every" ? { everyMs: timing.everyMs } : timing;
  return JSON.stringify([
    agent,
    startAt,
    endAt,
    content,
    sessionKey,
    user,
    attributes,
    promptAttributes,
    missed,
    overlap,
    when,
  ]);
};

const toView = (duty: Duty, schedule: StoredSchedule): Schedule => {
  const { v: _, isPaused, asked: __, nextAt, ...rest } = schedule;
  return {
    id: duty.id,
    tenant: duty.tenant,
    ...rest,
    status: isPaused ? "paused" : nextAt === null ? "done" : "active",
    nextAt,
  };
};
