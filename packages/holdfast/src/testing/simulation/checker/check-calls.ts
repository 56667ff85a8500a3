import { VERIFY_GRACE_MS } from "../../../core/settle-tool-call.ts";
import type { JournalEvent } from "../../../core/event.ts";
import type { EffectEntry } from "./history.ts";
import type { Violation } from "./rules.ts";
import {
  callsOf,
  eventsOf,
  finder,
  isClosing,
  type CallStory,
  type SessionHistory,
} from "./session-history.ts";

/** Held against every tool call: what the journal says of it, and what the world saw of it. */
export const checkCalls = (session: SessionHistory): readonly Violation[] => {
  const calls = callsOf(session.events);
  const seen = Map.groupBy(session.effects, (entry) => entry.callId);
  const strangers = [...seen.keys()].filter((callId) => !calls.has(callId));
  return [
    ...strangers.map((callId) =>
      finder(session.sessionId, "J1")(
        "not-started",
        null,
        `${callId} reached the world and is in no journal`,
      ),
    ),
    ...[...calls.values()].flatMap((call) => {
      const effects = seen.get(call.callId) ?? [];
      return [
        ...checkClosings(session, call),
        ...checkEntries(session, call, effects),
        ...checkWrites(session, call, effects),
        ...checkKeys(session, call, effects),
      ];
    }),
  ];
};

/** Exactly one result, and before the next model call of the run (E3). */
const checkClosings = (session: SessionHistory, call: CallStory): readonly Violation[] => {
  const say = finder(session.sessionId, "E3");
  const closings = call.events.filter((event) => isClosing(event.header));
  const found: Violation[] = [];
  const second = closings[1];
  if (second !== undefined)
    found.push(say("closed-twice", second.position, `${call.callId} has ${closings.length} results`));
  const nextCall = eventsOf(session.events, "model-call.started").find(
    ({ header, position }) => header.runId === call.runId && position > call.askedAt,
  );
  const closedAt = closings[0]?.position ?? Number.POSITIVE_INFINITY;
  if (nextCall !== undefined && closedAt > nextCall.position)
    found.push(
      say("open-at-model-call", nextCall.position, `${call.callId} is open when the model is called`),
    );
  return found;
};

const startOf = (call: CallStory, attempt: number): JournalEvent | undefined =>
  call.events.find(({ header }) => header.type === "tool-call.started" && header.attempt === attempt);

/** Entered after its start was durable, once an attempt, by the holder of the lease, never after its end (E1, J1, J2). */
const checkEntries = (
  session: SessionHistory,
  call: CallStory,
  effects: readonly EffectEntry[],
): readonly Violation[] => {
  const found: Violation[] = [];
  const { sessionId } = session;
  const closed = call.events.find((event) => isClosing(event.header));
  const entered = new Set<number>();
  for (const entry of effects) {
    if (entry.kind !== "entered") continue;
    const what = `attempt ${entry.attempt} of ${call.callId}`;
    const start = startOf(call, entry.attempt);
    if (start === undefined || start.position > entry.durable)
      found.push(
        finder(sessionId, "J1")("not-started", entry.durable, `${what} ran before its start was durable`),
      );
    if (start?.header.type === "tool-call.started" && timeOf(session, entry) > start.header.notAfter)
      found.push(finder(sessionId, "E2")("entered-late", entry.durable, `${what} ran after the time it had`));
    if (entered.has(entry.attempt))
      found.push(finder(sessionId, "E1")("entered-twice", entry.durable, `${what} ran twice`));
    entered.add(entry.attempt);
    if (closed !== undefined && closed.position <= entry.durable)
      found.push(
        finder(sessionId, "E1")(
          "executed-after-close",
          closed.position,
          `${what} ran after the call was closed`,
        ),
      );
    const epochNow = session.events[entry.durable - 1]?.epoch ?? 0;
    if (start !== undefined && epochNow > start.epoch)
      found.push(
        finder(sessionId, "J2")(
          "entered-after-takeover",
          entry.durable,
          `${what} was started in epoch ${start.epoch} and ran in epoch ${epochNow}`,
        ),
      );
  }
  return found;
};

/** A write takes place once, unless somebody who could know said that it had not (E2). */
const checkWrites = (
  session: SessionHistory,
  call: CallStory,
  effects: readonly EffectEntry[],
): readonly Violation[] => {
  if (call.policy.effect !== "write") return [];
  const say = finder(session.sessionId, "E2");
  const found: Violation[] = [];
  const executed = effects.filter((entry) => entry.kind === "executed");
  executed.slice(1).forEach((entry, index) => {
    const before = executed[index];
    if (before === undefined || isExcused(session, call, [before, entry])) return;
    found.push(
      say(
        "write-repeated",
        entry.durable,
        `${call.callId} took place in attempt ${before.attempt} and again in attempt ${entry.attempt}`,
      ),
    );
  });
  for (const entry of effects) {
    if (entry.kind !== "verified") continue;
    const header = startOf(call, entry.attempt)?.header;
    if (header?.type === "tool-call.started" && furthest(session, entry) < header.notAfter)
      found.push(
        say("verified-early", entry.durable, `${call.callId} was verified while it could still be under way`),
      );
  }
  return found;
};

/** When something happened, by the journal's reckoning: a clock that was set back does not undo what has passed. */
const timeOf = ({ events }: SessionHistory, { at, durable }: EffectEntry): number =>
  Math.max(at, events[durable - 1]?.at ?? 0);

/** How far the clock had got by then, before it was set back. */
const furthest = (session: SessionHistory, entry: EffectEntry): number => {
  const before = session.effects.slice(0, session.effects.indexOf(entry));
  return Math.max(timeOf(session, entry), ...before.map(({ at }) => at));
};

/**
 * Between the two, a person sent the call back; or a verification found nothing, and the effect came so
 * late that no check could have waited for it.
 */
const isExcused = (
  session: SessionHistory,
  call: CallStory,
  [before, again]: readonly [EffectEntry, EffectEntry],
): boolean => {
  const from = startOf(call, before.attempt);
  const to = startOf(call, again.attempt);
  if (from === undefined || to === undefined) return false;
  // What was sent back too soon may overtake what is still on its way.
  const [first, last] = [Math.min(from.position, to.position), Math.max(from.position, to.position)];
  const between = call.events.filter(({ position }) => position > first && position < last);
  const isSentBack = between.some(
    ({ header }) => header.type === "tool-call.resolved" && header.as === "retry",
  );
  const isVerified = between.some(
    ({ header }) => header.type === "tool-call.verified" && header.status === "not-done",
  );
  const notAfter = from.header.type === "tool-call.started" ? from.header.notAfter : 0;
  return isSentBack || (isVerified && timeOf(session, before) > notAfter + VERIFY_GRACE_MS);
};

/** The key is the same for every attempt, in the journal and in the world; one made from the input, until that is edited (E2, T4). */
const checkKeys = (
  session: SessionHistory,
  call: CallStory,
  effects: readonly EffectEntry[],
): readonly Violation[] => {
  const journaled = call.events.flatMap(({ header }) =>
    header.type === "tool-call.started" ? [header.idempotencyKey] : [],
  );
  const keys = new Set([...journaled, ...effects.map((entry) => entry.idempotencyKey)]);
  const began = call.events.findIndex(({ header }) => header.type === "tool-call.started");
  const edits = call.events.filter(
    ({ header }, index) => index > began && header.type === "approval.decided" && header.isEdited,
  );
  return keys.size <= 1 + edits.length
    ? []
    : [finder(session.sessionId, "E2")("key-changed", call.askedAt, `${call.callId} has ${keys.size} keys`)];
};
