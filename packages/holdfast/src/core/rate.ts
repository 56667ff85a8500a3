/** How often something may begin: at most `calls` times in any stretch of `perMs`. */
export type Rate = { readonly calls: number; readonly perMs: number };

/** When calls began, by a monotonic clock, the oldest first; never more than `calls` that count. */
export type Begun = readonly number[];

/** What of it still counts. */
export const stillCounting = (begun: Begun, { perMs }: Rate, now: number): Begun => {
  const first = begun.findIndex((at) => now - at < perMs);
  if (first === 0) return begun;
  return first === -1 ? [] : begun.slice(first);
};

/**
 * The earliest time at which one more may begin, where `ahead` others go first, each as soon as it may. A sliding log of
 * the last calls: exact, where buckets and fixed windows let through up to twice as many around their edges.
 */
export const nextBegin = (
  begun: Begun,
  { calls, perMs }: Rate,
  { now, ahead }: { readonly now: number; readonly ahead: number },
): number => {
  const before = begun.length + ahead - calls;
  if (before < 0) return now;
  // Each begins `perMs` after the one that is `calls` before it, and so on down to one that has begun, or begins now.
  const first = begun[before % calls] ?? now;
  return first + (Math.floor(before / calls) + 1) * perMs;
};
