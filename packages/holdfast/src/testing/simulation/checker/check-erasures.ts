import type { StoredEvent } from "../../../core/hash-chain.ts";
import type { Position, SessionId } from "../../../core/ids.ts";
import type { History } from "./history.ts";
import type { Violation } from "./rules.ts";
import { finder, type SessionHistory } from "./session-history.ts";

const erasuresOf = ({ erasures = [] }: History, sessionId: SessionId): NonNullable<History["erasures"]> =>
  erasures.filter((one) => one.sessionId === sessionId);

/** A journal with what was said in it before it was forgotten, so that it can still be judged. */
export const asItWas = (
  history: History,
  sessionId: SessionId,
  stored: readonly StoredEvent[],
): readonly StoredEvent[] => {
  const erasures = erasuresOf(history, sessionId);
  if (erasures.length === 0) return stored;
  return stored.map((event) => {
    if (event.payload !== null) return event;
    const { position } = event;
    return (
      erasures.find(({ events }) => (events[position - 1]?.payload ?? null) !== null)?.events[position - 1] ??
      event
    );
  });
};

/** Whether somebody has asked to have this forgotten, in the end or before that place in the order of what happened. */
export const mayBeErased = (
  history: History,
  sessionId: SessionId,
  { position, order = Number.POSITIVE_INFINITY }: { readonly position: Position; readonly order?: number },
): boolean => erasuresOf(history, sessionId).some(({ upTo, from }) => position <= upTo && from.order < order);

/** What was to be forgotten is (J4). */
export const checkErasures = ({ sessionId, whole }: SessionHistory): readonly Violation[] => {
  const stored = whole.journals.get(sessionId) ?? [];
  return erasuresOf(whole, sessionId).flatMap(({ upTo, isDone }) => {
    const left = stored.find(({ position, payload }) => position <= upTo && payload !== null);
    if (!isDone || left === undefined) return [];
    return [finder(sessionId, "J4")("not-erased", left.position, "what was to be forgotten is still there")];
  });
};
