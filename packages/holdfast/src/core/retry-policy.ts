import type { Timestamp } from "./ids.ts";

/** How often and how patiently something is tried again (E7). */
export type RetryPolicy = {
  /** Attempts in all, the first included. */
  readonly maxAttempts: number;
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
};

export const DEFAULT_MODEL_RETRY: RetryPolicy = { maxAttempts: 4, initialDelayMs: 500, maxDelayMs: 60_000 };
export const DEFAULT_TOOL_RETRY: RetryPolicy = { maxAttempts: 3, initialDelayMs: 250, maxDelayMs: 30_000 };

/** Waits longer than this are durable suspensions rather than held promises (E7). */
export const LONGEST_HELD_WAIT_MS = 5_000;

/** A server's Retry-After is honoured up to this; beyond it, giving up is kinder than waiting. */
const LONGEST_RETRY_AFTER_MS = 24 * 60 * 60 * 1_000;

/**
 * A number in [0, 1) that depends only on `seed`: 32-bit FNV-1a with a final avalanche.
 * Jitter must differ between sessions and attempts, yet be the same wherever it is computed.
 */
export const unitFromSeed = (seed: string): number => {
  let hash = 0x811c9dc5;
  for (let index = 0; index < seed.length; index += 1) {
    hash = Math.imul(hash ^ seed.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
};

/**
 * When to try again after attempt number `attempt` failed, or null when enough was tried.
 * Exponential with equal jitter: half of the capped delay plus a random share of the other half.
 * Never earlier than the server asked for.
 */
export const nextAttemptAt = (
  policy: RetryPolicy,
  attempt: number,
  context: { readonly now: Timestamp; readonly seed: string; readonly retryAfterMs?: number | undefined },
): Timestamp | null => {
  // guard E7: there are so many attempts
  if (attempt >= policy.maxAttempts) return null;
  const asked = Number.isNaN(context.retryAfterMs) ? 0 : (context.retryAfterMs ?? 0);
  // guard E7: nobody waits for longer than a day
  if (asked > LONGEST_RETRY_AFTER_MS) return null;
  const capped = Math.min(
    /* guard E7: a delay has its limit */ policy.maxDelayMs,
    policy.initialDelayMs * 2 ** Math.min(attempt - 1, 30),
  );
  const jittered = capped / 2 + (capped / 2) * unitFromSeed(`${context.seed}:${attempt}`);
  return (
    context.now +
    Math.ceil(
      Math.max(/* guard E7: not before the server asked for */ asked, /* guard E7: not at once */ jittered),
    )
  );
};
