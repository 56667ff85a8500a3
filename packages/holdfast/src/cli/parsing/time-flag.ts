import { UsageError } from "./usage-error.ts";

const ZONED = /(Z|[+-]\d\d:?\d\d)$/;
const DURATION = /^(\d{1,9})([smhd])$/;
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The value of an option that takes a time. @throws UsageError */
export const zonedTime = (flag: string, text: string): number => {
  const time = Date.parse(text);
  // Without a zone, it would be another time on another machine.
  if (!Number.isNaN(time) && ZONED.test(text)) return time;
  throw new UsageError(
    `--${flag} takes a time with its zone, not "${text}".`,
    "For example 2026-12-24T18:00:00Z.",
  );
};

/** The value of an option that takes a duration, in milliseconds. @throws UsageError */
export const durationIn = (flag: string, text: string): number => {
  const [, count, unit] = DURATION.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) return Number(count) * (UNITS[unit] ?? 0);
  throw new UsageError(`--${flag} takes a duration, not "${text}".`, "For example 30s, 5m, 2h or 1d.");
};

/** The value of an option that takes a time, or how long ago it was. @throws UsageError */
export const timeOrAgo = (flag: string, text: string, now: number): number =>
  DURATION.test(text) ? now - durationIn(flag, text) : zonedTime(flag, text);
