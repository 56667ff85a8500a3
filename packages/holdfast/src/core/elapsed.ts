import type { Timestamp } from "./ids.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import type { SessionState } from "./session-state.ts";

/** The time between the end of a conversation and the input that it goes on with. */
export type Elapsed = { readonly from: Timestamp; readonly to: Timestamp; readonly days: number };

/** The same as it is journaled: times as ISO 8601. */
export type ElapsedTold = { readonly from: string; readonly to: string; readonly days: number };

const DAY_MS = 86_400_000;

/** What has passed before the run that is next begins; null where that is less than a day, or nothing was said before. */
export const elapsedBeforeRun = ({ endedAt, queue }: SessionState): Elapsed | null => {
  const next = queue[0];
  if (endedAt === null || next === undefined || next.at - endedAt < DAY_MS) return null;
  return { from: endedAt, to: next.at, days: Math.floor((next.at - endedAt) / DAY_MS) };
};

/** What was journaled with the beginning of a run; nothing where it was erased (J4). */
export const elapsedIn = (payload: JsonObject | null): ElapsedTold | null => {
  const elapsed = payload?.["elapsed"];
  if (!isJsonObject(elapsed)) return null;
  const { from, to, days } = elapsed;
  return typeof from === "string" && typeof to === "string" && typeof days === "number"
    ? { from, to, days }
    : null;
};

/** What the model is told of it, before the input: it stays true when it is read again later. */
export const elapsedText = ({ from, to, days }: ElapsedTold): string => {
  const earlier = days === 1 ? "1 day" : `${days} days`;
  return `[Time has passed: what follows is said at ${minuteOf(to)}. The conversation before it ended at ${minuteOf(from)}, ${earlier} earlier.]`;
};

const TO_THE_MINUTE = "2000-01-01T00:00".length;

const minuteOf = (time: string): string => `${time.slice(0, TO_THE_MINUTE)}Z`;
