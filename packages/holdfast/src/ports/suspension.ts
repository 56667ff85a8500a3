import { ConfigurationError } from "../core/errors.ts";
import type { JsonValue } from "../core/json.ts";

/** What a tool waits for: a time, or a signal from outside by its key, for so long. */
export type SuspendFor =
  | { readonly until: Date | number }
  | { readonly signal: string; readonly timeoutMs?: number };

/** Why a tool that suspended itself was entered again. */
export type Resumption =
  | { readonly by: "time" }
  | { readonly by: "signal"; readonly value: JsonValue }
  /** The signal did not come in time. */
  | { readonly by: "timeout" };

/**
 * What a tool returns to wait without holding anything. A value and not an error, so that nothing on the way can
 * swallow it.
 */
export class Suspension {
  readonly until: number | null;
  readonly timeoutMs: number | null;
  readonly key: string | null;

  constructor({ until, timeoutMs, key }: Pick<Suspension, "until" | "timeoutMs" | "key">) {
    this.until = until;
    this.timeoutMs = timeoutMs;
    this.key = key;
  }
}

/** @throws ConfigurationError when it is neither a time nor a key. */
export const suspensionFor = (wait: SuspendFor): Suspension => {
  if ("until" in wait) {
    const until = Number(wait.until);
    if (!Number.isSafeInteger(until))
      throw invalid("`until` must be a Date, or milliseconds since the Unix epoch");
    return new Suspension({ until, timeoutMs: null, key: null });
  }
  const { signal, timeoutMs = null } = wait;
  checkSignalKey(signal);
  if (timeoutMs !== null && !(Number.isSafeInteger(timeoutMs) && timeoutMs >= 0))
    throw invalid("`timeoutMs` must be a whole number from 0 on");
  return new Suspension({ until: null, timeoutMs, key: signal });
};

const MAX_KEY_CHARS = 200;

export const checkSignalKey = (key: string): void => {
  if (typeof key === "string" && key !== "" && key.length <= MAX_KEY_CHARS) return;
  throw invalid(`the key of a signal must be text of 1 to ${MAX_KEY_CHARS} characters`);
};

const invalid = (what: string): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", `suspend: ${what}.`);
