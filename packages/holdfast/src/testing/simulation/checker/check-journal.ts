import { GENESIS_HASH, type Sha256, type StoredEvent } from "../../../core/hash-chain.ts";
import type { SessionId } from "../../../core/ids.ts";
import { openEvent, verifyEvent } from "../../../core/journal-codec.ts";
import type { JournalEvent } from "../../../core/event.ts";
import type { Violation } from "./rules.ts";
import { finder, type SessionHistory } from "./session-history.ts";

/** Positions without gaps, and a chain that verifies (J2, J4). */
export const checkBytes = (
  sha256: Sha256,
  sessionId: SessionId,
  stored: readonly StoredEvent[],
): readonly Violation[] => {
  const found: Violation[] = [];
  let previous = GENESIS_HASH;
  stored.forEach((event, index) => {
    const { position } = event;
    if (position !== index + 1)
      found.push(
        finder(sessionId, "J2")(
          "position-gap",
          position,
          `position ${position} stands where ${index + 1} belongs`,
        ),
      );
    const problem = verifyEvent(sha256, previous, event);
    if (problem !== null) found.push(finder(sessionId, "J4")("chain-broken", position, problem));
    previous = event.hash;
  });
  return found;
};

/** Opens what is stored; an event that cannot be read is a finding and ends the reading. */
export const openJournal = (
  sessionId: SessionId,
  stored: readonly StoredEvent[],
): { readonly events: readonly JournalEvent[]; readonly found: readonly Violation[] } => {
  const events: JournalEvent[] = [];
  for (const event of stored) {
    try {
      events.push(openEvent(event));
    } catch {
      const unreadable = finder(sessionId, "S6")("unreadable", event.position, "the event cannot be opened");
      return { events, found: [unreadable] };
    }
  }
  return { events, found: [] };
};

/** Epochs and times never go back, and a recovery names the epoch before it (J2). */
export const checkOrder = ({ sessionId, events }: SessionHistory): readonly Violation[] => {
  const found: Violation[] = [];
  const say = finder(sessionId, "J2");
  let epoch = 0;
  let at = 0;
  for (const event of events) {
    if (event.epoch < epoch)
      found.push(say("epoch-decreased", event.position, `epoch ${event.epoch} writes after epoch ${epoch}`));
    if (event.at < at)
      found.push(say("time-backwards", event.position, `time ${event.at} comes after ${at}`));
    epoch = Math.max(epoch, event.epoch);
    at = Math.max(at, event.at);
  }
  return found;
};

/** A subscriber sees each durable event once, in order, and none before it is durable (J1, S5). */
export const checkSightings = ({ sessionId, events, whole }: SessionHistory): readonly Violation[] => {
  const found: Violation[] = [];
  const last = new Map<string, number>();
  for (const { subscriber, position, durable, type, since, ...seen } of whole.sightings ?? []) {
    if (seen.sessionId !== sessionId) continue;
    const before = last.get(subscriber) ?? since;
    if (before !== undefined && position !== before + 1)
      found.push(
        finder(sessionId, "S5")(
          "seen-out-of-order",
          position,
          `${subscriber} saw ${position} after ${before}`,
        ),
      );
    if (position > durable || events[position - 1]?.header.type !== type)
      found.push(
        finder(sessionId, "J1")(
          "seen-before-durable",
          position,
          `${subscriber} saw a ${type} when ${durable} was the last durable event`,
        ),
      );
    last.set(subscriber, position);
  }
  return found;
};
