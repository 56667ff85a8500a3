import { isEffectStart, type JournalEvent } from "../../../core/event.ts";
import type { CallId } from "../../../core/ids.ts";
import type { Bookkeeper } from "./bookkeeper.ts";
import type { Violation } from "./rules.ts";
import { finder, type SessionHistory } from "./session-history.ts";

/** Nothing starts in a paused session, and no call that was cancelled (E5, S3). */
export const judgeStops = (
  { sessionId }: SessionHistory,
  books: Bookkeeper,
  { header, position }: JournalEvent,
): readonly Violation[] => {
  const isStart = isEffectStart(header.type) || header.type === "run.started";
  const found: Violation[] = [];
  if (isStart && books.isPaused)
    found.push(
      finder(sessionId, "S3")("started-while-paused", position, `${header.type} in a paused session`),
    );
  if (header.type !== "tool-call.started" || (books.callOf(header.callId)?.stopping ?? null) === null)
    return found;
  const what = `${header.callId} starts and was cancelled`;
  return [...found, finder(sessionId, "E5")("started-after-cancel", position, what)];
};

/** From when on something is not to start. */
type Ban = Map<string, number>;

/** What was acknowledged as stopped does not start after that, whether or not it is journaled yet (E5). */
export const checkStopped = ({
  sessionId,
  events,
  acknowledged,
  whole,
}: SessionHistory): readonly Violation[] => {
  // What was forgotten before it was read stops nothing (C13).
  if ((whole.erasures ?? []).some((one) => one.sessionId === sessionId)) return [];
  const calls: Ban = new Map();
  for (const one of acknowledged) if (one.kind === "cancel-call") ban(calls, one.callId, one.durable);
  const pauses = acknowledged.flatMap((one) => (one.kind === "pause" ? [one.durable] : []));
  return events.flatMap((event) => {
    const { header, position } = event;
    if (header.type === "tool-call.resolved" && header.as === "retry") calls.delete(header.callId);
    if (!isEffectStart(header.type)) return [];
    const isStopped =
      header.type === "tool-call.started" && position > (calls.get(header.callId) ?? position);
    const isPaused = pauses.some((since) => position > since && !isLifted(events.slice(since, position)));
    return [
      ...(isStopped
        ? [finder(sessionId, "E5")("started-after-cancel", position, `${header.callId} after its cancel`)]
        : []),
      ...(isPaused
        ? [finder(sessionId, "S3")("started-while-paused", position, `${header.type} after a pause`)]
        : []),
    ];
  });
};

const isLifted = (events: readonly JournalEvent[]): boolean =>
  events.some(({ header }) => header.type === "session.resumed");

const ban = (bans: Ban, callId: CallId, durable: number): void =>
  void bans.set(callId, Math.min(durable, bans.get(callId) ?? durable));
