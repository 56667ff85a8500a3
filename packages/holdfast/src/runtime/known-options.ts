import { ConfigurationError } from "../core/errors.ts";

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
    const near = nearest(name, table.known);
    throw new ConfigurationError("OPTION_INVALID", `${table.owner}: there is no option "${name}".`, {
      hint: near === null ? `Options are: ${table.known.join(", ")}.` : `Did you mean "${near}"?`,
      details: { option: name },
    });
  }
};

const nearest = (name: string, known: readonly string[]): string | null => {
  let best: string | null = null;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
};

/** Levenshtein distance, two rows at a time. */
const editDistance = (left: string, right: string): number => {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const cost = left.charAt(row - 1) === right.charAt(column - 1) ? 0 : 1;
      const removed = (previous[column] ?? 0) + 1;
      const added = (current[column - 1] ?? 0) + 1;
      const replaced = (previous[column - 1] ?? 0) + cost;
      current.push(Math.min(removed, added, replaced));
    }
    previous = current;
  }
  return previous[right.length] ?? 0;
};

/** A positive whole number, or a clear refusal. */
export const positiveInteger = (owner: string, name: string, value: number): number => {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new ConfigurationError(
    "OPTION_INVALID",
    `${owner}: "${name}" must be a whole number above 0, not ${String(value)}.`,
  );
};
