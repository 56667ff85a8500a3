import { ConfigurationError } from "../core/errors.ts";
import type { Timestamp } from "../core/ids.ts";
import type { Budget } from "../ports/budget.ts";

export type PeriodLength = "total" | "day" | "month";

const DAY_MS = 86_400_000;
/** Longer than any period, and shorter than two: no day has 50 hours, no month 32 days. */
const LONGEST_MS = { day: 2 * DAY_MS, month: 32 * DAY_MS } as const;

/**
 * Which period a time is in, by the calendar of a time zone.
 *
 * @throws ConfigurationError OPTION_INVALID for a time zone that does not exist.
 */
export const periodsIn = (length: PeriodLength, timeZone: string): Budget["period"] => {
  const format = formatIn(timeZone);
  if (length === "total") return () => ({ name: "total", endsAt: () => null });
  const nameOf = (at: Timestamp): string => format(at).slice(0, length === "day" ? 10 : 7);
  return (at) => ({
    name: nameOf(at),
    endsAt: () => firstWhere((time) => nameOf(time) !== nameOf(at), [at, at + LONGEST_MS[length]]),
  });
};

/** The calendar's day at a time, as 2026-11-29. */
const formatIn = (timeZone: string): ((at: Timestamp) => string) => {
  try {
    const format = new Intl.DateTimeFormat("en-CA", {
      timeZone,
      calendar: "iso8601",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
    });
    return (at) => {
      const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
      return `${parts.get("year")}-${parts.get("month")}-${parts.get("day")}`;
    };
  } catch {
    throw new ConfigurationError(
      "OPTION_INVALID",
      `createRuntime: budgets: there is no time zone "${timeZone}".`,
      {
        hint: 'Use a name of the IANA time zone database, such as "Europe/Paris" or "UTC".',
      },
    );
  }
};

/** The first time in a stretch at which something holds, to the millisecond; it goes on holding to the end of it. */
const firstWhere = (
  holds: (at: Timestamp) => boolean,
  [from, to]: readonly [Timestamp, Timestamp],
): Timestamp => {
  let [before, after] = [from, to];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (holds(middle)) after = middle;
    else before = middle;
  }
  return after;
};
