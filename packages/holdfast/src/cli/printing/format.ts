const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A duration in two figures or so: `240 ms`, `3.2 s`, `4 min`, `2 h`, `9 d`. */
export const duration = (ms: number): string => {
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < MINUTE) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < HOUR) return `${Math.round(ms / MINUTE)} min`;
  return ms < 2 * DAY ? `${Math.round(ms / HOUR)} h` : `${Math.round(ms / DAY)} d`;
};

/** How long ago, or how far ahead: `just now`, `5 min ago`, `in 3 h`. */
export const relativeTime = (at: number, now: number): string => {
  const apart = Math.abs(now - at);
  if (apart < 2 * SECOND) return "just now";
  const rounded = apart < MINUTE ? `${Math.floor(apart / SECOND)} s` : duration(apart);
  return at <= now ? `${rounded} ago` : `in ${rounded}`;
};

const KIB = 1_024;

export const bytes = (count: number): string => {
  if (count < KIB) return `${count} B`;
  if (count < KIB * KIB) return `${(count / KIB).toFixed(1)} KiB`;
  return `${(count / KIB / KIB).toFixed(1)} MiB`;
};

/** US dollars; null is a price nobody knows. */
export const dollars = (usd: number | null): string => {
  if (usd === null) return "cost unknown";
  return usd === 0 || usd >= 0.01 ? `$${usd.toFixed(2)}` : `$${usd.toFixed(4)}`;
};

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
