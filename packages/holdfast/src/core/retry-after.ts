import { parseHttpDate } from "./http-date.ts";
import type { Timestamp } from "./ids.ts";

/**
 * How long a server asks to be left alone by its `Retry-After` header (RFC 9110 §10.2.3), in milliseconds: a number of seconds, or a
 * date, which is counted from `now`. That is the date of the answer where it has one, since both are then of the same clock;
 * undefined where nobody knows the time, and a date says nothing. Undefined too for what is neither. However long, it is told: how
 * long is too long is for the retry policy to say. Total.
 */
export const parseRetryAfter = (
  header: string | null | undefined,
  now: Timestamp | undefined,
): number | undefined => {
  const text = header?.trim() ?? "";
  // Some servers say parts of a second.
  if (/^\d+(?:\.\d+)?$/.test(text)) return inRange(Number(text) * 1_000);
  const at = parseHttpDate(text);
  return at === undefined || now === undefined ? undefined : inRange(at - now);
};

const inRange = (delayMs: number): number =>
  Math.min(Math.max(0, Math.ceil(delayMs)), Number.MAX_SAFE_INTEGER);
