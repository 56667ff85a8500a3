import type { RunId, SessionId, Timestamp } from "../core/ids.ts";
import {
  askedKey,
  dueTicks,
  SCHEDULE_VERSION,
  tickKey,
  type LeftTick,
  type RanTick,
  type StoredSchedule,
} from "../core/schedule.ts";
import type { Agent } from "../ports/agent.ts";
import type { Duty } from "../ports/duty.ts";
import type { DueSession } from "../ports/journal-store.ts";
import { createSession, keyedSessionId } from "./create-session.ts";
import { foldLoaded, loadSession } from "./open-session.ts";
import type { EngineServices } from "./services.ts";

/** Processes that have an agent ask for its schedules by this. */
export const scheduleAssignee = (agent: string): string => `schedule:${agent}`;

/** The session that the input of a tick goes to, by the name of the tick. */
export const sessionOfTick = (
  sha256: EngineServices["sha256"],
  { sessionKey }: Pick<StoredSchedule, "sessionKey">,
  { tenant, dedupeKey }: { readonly tenant: string | null; readonly dedupeKey: string },
): SessionId => keyedSessionId(sha256, tenant, sessionKey ?? dedupeKey);

/** A schedule, and what is known of it here. */
type Known = { readonly duty: Duty; readonly schedule: StoredSchedule; readonly agent: Agent };

/** What is posted: a tick of the timetable, or null where it was asked for by hand. */
type Posted = { readonly tick: Timestamp | null; readonly runId: RunId; readonly dedupeKey: string };

/**
 * Runs the ticks of schedules that have come. A tick is posted first, under a key that is its own, and then the
 * schedule moves on, if it still is as it was seen: who dies in between posts it again and is told that it is
 * there; of two who do it at once one is told so (J5, J6).
 */
export class ScheduleClock {
  readonly #services: EngineServices;
  readonly #wake: (session: DueSession) => void;

  constructor(services: EngineServices, wake: (session: DueSession) => void) {
    this.#services = services;
    this.#wake = wake;
  }

  /** What this process can run. */
  get assignees(): readonly string[] {
    return [...this.#services.agents.keys()].map(scheduleAssignee);
  }

  /** Runs what has come of one schedule, and notes when the next tick comes. False when it is not known here. */
  async run(duty: Duty): Promise<boolean> {
    const schedule = readSchedule(duty.body);
    const agent = schedule === null ? undefined : this.#services.agents.get(schedule.agent);
    if (schedule === null || agent === undefined || duty.dueAt === null) return false;
    const known = { duty, schedule, agent };
    if (schedule.asked.length > 0) await this.#runAsked(known);
    else await this.#runTicks(known, duty.dueAt);
    return true;
  }

  async #runAsked(known: Known): Promise<void> {
    const { duty, schedule } = known;
    for (const asked of schedule.asked) {
      const dedupeKey = askedKey(duty.id, asked);
      await this.#post(known, { tick: null, runId: asked.runId, dedupeKey });
    }
    await this.#moveOn(duty, { ...schedule, asked: [] }, schedule.nextAt);
  }

  async #runTicks(known: Known, from: Timestamp): Promise<void> {
    const { duty, schedule } = known;
    const now = Math.max(this.#services.clock.now(), from);
    const due = dueTicks(this.#services.timetable(schedule), schedule.missed, { from, now });
    const missed: LeftTick | null = due.missed === null ? null : { tick: due.missed, why: "missed" };
    let moved: StoredSchedule = { ...schedule, nextAt: due.next, left: missed ?? schedule.left };
    for (const tick of due.run) {
      const ran = await this.#runTick({ ...known, schedule: moved }, tick);
      moved = "why" in ran ? { ...moved, left: ran } : { ...moved, last: ran };
    }
    await this.#moveOn(duty, moved, due.next);
  }

  async #runTick(known: Known, tick: Timestamp): Promise<RanTick | LeftTick> {
    const { duty, schedule } = known;
    // S4: a tick is left out while the one before it is at work
    if (schedule.overlap === "skip" && (await this.#isAtWork(schedule.last))) return { tick, why: "overlap" };
    const runId = `run_${this.#services.clock.newId()}`;
    const ran = await this.#post(known, { tick, runId, dedupeKey: tickKey(duty.id, tick) });
    return ran === null ? { tick, why: "session-of-another-agent" } : { tick, ...ran };
  }

  /** Posts the input. Null where the session belongs to another agent. */
  async #post(
    { duty, schedule, agent }: Known,
    { tick, runId, dedupeKey }: Posted,
  ): Promise<{ readonly sessionId: SessionId; readonly runId: RunId | null } | null> {
    const { store, sha256 } = this.#services;
    const { user, attributes, content, promptAttributes } = schedule;
    const { tenant, id } = duty;
    const sessionId = sessionOfTick(sha256, schedule, { tenant, dedupeKey });
    const made = await createSession(this.#services, agent, { id: sessionId, tenant, user, attributes });
    // Once is enough: a session keeps its agent.
    const isUnsure = made === "exists" && schedule.last === null;
    // S1: a schedule speaks to sessions of its own agent
    if (isUnsure && (await store.load(sessionId))?.owner.agent !== schedule.agent) return null;
    const body = JSON.stringify({ content, promptAttributes, source: { schedule: id, tick } });
    const input = { sessionId, kind: "input", runId, body, blobs: [] } as const;
    const [answer] = await store.post([
      { ...input, /* guard J5: a tick is posted under a key of its own */ dedupeKey },
    ]);
    this.#wake({ sessionId, tenant });
    const isThere = answer?.status === "posted" || answer?.status === "duplicate";
    return { sessionId, runId: isThere ? answer.runId : null };
  }

  /** Whether the run of an earlier tick has not come to its end: it is in the mailbox, in the queue, or open. */
  async #isAtWork(last: RanTick | null): Promise<boolean> {
    const loaded = last === null ? undefined : await loadSession(this.#services, last.sessionId);
    if (last === null || loaded === undefined) return false;
    const { state } = foldLoaded(this.#services, last.sessionId, loaded);
    return (
      loaded.signals.some(({ kind, runId }) => kind === "input" && runId === last.runId) ||
      state.run?.runId === last.runId ||
      state.queue.some(({ runId }) => runId === last.runId)
    );
  }

  /** Where somebody else has moved it, what was done here was done by them as well, or is not wanted any more. */
  async #moveOn(
    { revision, ...duty }: Duty,
    schedule: StoredSchedule,
    next: Timestamp | null,
  ): Promise<void> {
    const { store, logger } = this.#services;
    const moved = { ...duty, dueAt: next, body: JSON.stringify(schedule) };
    const answer = await store.changeDuty({ kind: "put", duty: moved, expect: revision });
    const { left } = schedule;
    if (answer !== "ok" || left === null || left.tick < (duty.dueAt ?? 0)) return;
    logger.info(`Schedule ${duty.id}: a tick was not run (${left.why}).`, { schedule: duty.id, ...left });
  }
}

/** A stored schedule; null where it was written by a version that knows more (S6). */
export const readSchedule = (body: string): StoredSchedule | null => {
  const parsed = JSON.parse(body) as StoredSchedule;
  return parsed.v === SCHEDULE_VERSION ? parsed : null;
};
