import type { RetryPolicy } from "../core/retry-policy.ts";
import { ConfigurationError } from "../core/errors.ts";
import { nearestName } from "../core/nearest-name.ts";

/** What is wrong with an option name, and what it may have been meant to be. */
export type OptionTable = {
  /** Whose options these are, for the message. */
  readonly owner: string;
  readonly known: readonly string[];
  /** Options of the design that this version does not have. Refused, never accepted and ignored. */
  readonly later: readonly string[];
};

/** Refuses options that do not exist, above all those that would be silently ignored. */
export const checkOptions = (options: object, table: OptionTable): void => {
  for (const name of Object.keys(options)) {
    if (table.known.includes(name)) continue;
    if (table.later.includes(name)) {
      throw new ConfigurationError(
        "OPTION_NOT_AVAILABLE",
        `${table.owner}: "${name}" is not available in this version.`,
        {
          hint: `Remove "${name}". It is refused rather than ignored, because something would rely on it.`,
          details: { option: name },
        },
      );
    }
    const near = nearestName(name, table.known);
    throw new ConfigurationError("OPTION_INVALID", `${table.owner}: there is no option "${name}".`, {
      hint: near === undefined ? `Options are: ${table.known.join(", ")}.` : `Did you mean "${near}"?`,
      details: { option: name },
    });
  }
};

/**
 * A name or a key that every store keeps as it is, null where there is none, or a clear refusal: half a character is stored as the
 * sign for what cannot be read, and would be the same for all that have one (S1, J5).
 */
export const maybeName = (owner: string, name: string, value: string | null | undefined): string | null => {
  if (value === undefined || value === null) return null;
  if (typeof value === "string" && value !== "" && value.isWellFormed()) return value;
  throw new ConfigurationError("OPTION_INVALID", `${owner}: "${name}" must be a text that is not empty.`, {
    hint: "It has to be a string in which no character was cut in two. Where there is none, leave it out.",
    details: { option: name },
  });
};

/** A whole number from 0 on, or a clear refusal. */
export const wholeNumber = (owner: string, name: string, value: number): number => {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new ConfigurationError(
    "OPTION_INVALID",
    `${owner}: "${name}" must be a whole number, not ${String(value)}.`,
  );
};

/** A positive whole number, or a clear refusal. */
export const positiveInteger = (owner: string, name: string, value: number): number => {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new ConfigurationError(
    "OPTION_INVALID",
    `${owner}: "${name}" must be a whole number above 0, not ${String(value)}.`,
  );
};

export const checkRetry = (retry: RetryPolicy, owner: string): RetryPolicy => {
  checkOptions(retry, {
    owner,
    known: ["maxAttempts", "initialDelayMs", "maxDelayMs"],
    later: [],
  });
  positiveInteger(owner, "maxAttempts", retry.maxAttempts);
  wholeNumber(owner, "initialDelayMs", retry.initialDelayMs);
  wholeNumber(owner, "maxDelayMs", retry.maxDelayMs);
  return retry;
};
