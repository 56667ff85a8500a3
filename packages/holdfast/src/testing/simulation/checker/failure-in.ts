import { isJsonObject, type JsonObject } from "../../../core/json.ts";
import type { RetryPolicy } from "../../../core/retry-policy.ts";

/** The failure in an event's content, as far as the rules need it. */
export const failureIn = (
  payload: JsonObject | null,
): { readonly code: string; readonly isRetryable: boolean; readonly message: string } | null => {
  const failure = payload?.["failure"];
  if (!isJsonObject(failure)) return null;
  const { code, retryable, message } = failure;
  return {
    code: typeof code === "string" ? code : "",
    isRetryable: retryable === true,
    message: typeof message === "string" ? message : "",
  };
};

/** A day: who asks to be left alone for longer is not asked again (E7). */
export const LONGEST_ASKED_MS = 24 * 60 * 60 * 1_000;

export type Saying = { readonly at: number; readonly attempt: number; readonly askedMs: number };

/** Half of the doubled delay at least, the whole at most, and never before it was asked for (E7). */
export const isWithinJitter = (
  policy: RetryPolicy,
  { at, attempt, askedMs }: Saying,
  dueAt: number,
): boolean => {
  const whole = Math.min(policy.maxDelayMs, policy.initialDelayMs * 2 ** (attempt - 1));
  const waits = dueAt - at;
  return waits >= Math.max(whole / 2, askedMs) && waits <= Math.ceil(Math.max(whole, askedMs));
};
