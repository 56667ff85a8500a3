import type { EventHeader, JournalEvent } from "../../../core/event.ts";
import type { StoredEvent } from "../../../core/hash-chain.ts";
import type { SessionId, Timestamp } from "../../../core/ids.ts";
import { openJournal } from "./check-journal.ts";
import type { History, PlannedTicks, Telling } from "./history.ts";
import type { Violation } from "./rules.ts";
import { eventsOf, finder } from "./session-history.ts";

/** What is owed outside of sessions: each tick is accepted once, and each end is told, in order (J5, O3). */
export const checkCalendar = (history: History): readonly Violation[] => {
  if (history.calendar === undefined) return [];
  const { planned, journals, tellings } = history.calendar;
  const opened = new Map([...journals].map(([id, stored]) => [id, openJournal(id, stored).events] as const));
  return [...planned.flatMap((plan) => checkTicks(plan, opened)), ...checkTellings(history, tellings)];
};

type Opened = ReadonlyMap<SessionId, readonly JournalEvent[]>;

type Accepted = { readonly sessionId: SessionId; readonly tick: Timestamp | null };

const acceptedOf = (schedule: string, journals: Opened): readonly Accepted[] =>
  [...journals].flatMap(([sessionId, events]) =>
    eventsOf(events, "run.accepted").flatMap(({ header }) =>
      header.source?.schedule === schedule ? [{ sessionId, tick: header.source.tick }] : [],
    ),
  );

const checkTicks = (plan: PlannedTicks, journals: Opened): readonly Violation[] => {
  const say = finder("", "J5");
  const { schedule, createdAt, isAcknowledged } = plan;
  const accepted = acceptedOf(schedule, journals);
  if (createdAt === null)
    return isAcknowledged
      ? [say("tick-missing", null, `${schedule} is not there, and was acknowledged`)]
      : [];
  const owed = new Set(ticksOf(plan, createdAt));
  const seen = new Map<Timestamp | null, number>();
  for (const { tick } of accepted) seen.set(tick, (seen.get(tick) ?? 0) + 1);
  const found: Violation[] = [];
  for (const tick of owed)
    if (!seen.has(tick)) found.push(say("tick-missing", null, `${schedule} ${tick} was never accepted`));
  for (const [tick, count] of seen) {
    if (count > 1) found.push(say("tick-twice", null, `${schedule} ${tick} was accepted ${count} times`));
    if (tick === null || !owed.has(tick))
      found.push(say("tick-twice", null, `${schedule} has no tick at ${String(tick)}`));
  }
  const sessions = new Set(accepted.map(({ sessionId }) => sessionId)).size;
  const expected = plan.isShared ? Math.min(1, accepted.length) : accepted.length;
  if (sessions !== expected)
    found.push(say("tick-twice", null, `${schedule} spoke in ${sessions} sessions, not in ${expected}`));
  return found;
};

const ticksOf = ({ everyMs, startAt, endAt }: PlannedTicks, createdAt: Timestamp): readonly Timestamp[] => {
  const ticks: Timestamp[] = [];
  for (let tick = startAt; tick <= endAt; tick += everyMs) if (tick > createdAt) ticks.push(tick);
  return ticks;
};

const SETTLING: ReadonlySet<string> = new Set(["run.completed", "run.failed", "run.cancelled"]);
const BY_TIME: ReadonlySet<string> = new Set(["retry", "verification", "child"]);

const isToTell = (header: EventHeader): boolean =>
  SETTLING.has(header.type) ||
  (header.type === "run.suspended" && header.waitingFor.some(({ kind }) => !BY_TIME.has(kind)));

const checkTellings = (history: History, tellings: readonly Telling[]): readonly Violation[] => {
  const taken = Map.groupBy(
    tellings.filter(({ isTaken }) => isTaken),
    ({ sessionId }) => sessionId,
  );
  const journals = [...history.journals, ...(history.calendar?.journals ?? [])];
  return journals.flatMap(([sessionId, stored]) =>
    checkSession(sessionId, stored, taken.get(sessionId) ?? []),
  );
};

const checkSession = (
  sessionId: SessionId,
  stored: readonly StoredEvent[],
  taken: readonly Telling[],
): readonly Violation[] => {
  const say = finder(sessionId, "O3");
  const owed = openJournal(sessionId, stored).events.filter(({ header }) => isToTell(header));
  const found: Violation[] = [];
  for (const { position, header } of owed) {
    const told = taken.filter((one) => one.position === position);
    if (told.length === 0) found.push(say("telling-missing", position, `nobody was told of ${header.type}`));
    if (new Set(told.map(({ id }) => id)).size > 1)
      found.push(say("telling-wrong", position, "it was told under several ids"));
    if (told.some(({ type }) => type !== header.type))
      found.push(say("telling-wrong", position, `${header.type} was told as something else`));
  }
  const firsts = [...new Map(taken.toReversed().map((one) => [one.position, one])).values()];
  const inOrder = firsts.toSorted((left, right) => left.order - right.order);
  inOrder.forEach(({ position }, index) => {
    const before = inOrder[index - 1]?.position ?? 0;
    if (position < before) found.push(say("telling-wrong", position, `it was told after position ${before}`));
  });
  return found;
};
