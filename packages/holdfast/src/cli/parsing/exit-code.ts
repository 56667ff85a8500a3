import {
  assertNever,
  ConfigurationError,
  ConflictError,
  isHoldfastError,
  NotFoundError,
} from "../../core/index.ts";
import type { Outcome } from "../../runtime/index.ts";

/** What the shell is told. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  suspended: 5,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const NOT_FOUND_NAMES: ReadonlySet<string> = new Set([NotFoundError.name]);
const REFUSED_NAMES: ReadonlySet<string> = new Set([ConflictError.name]);
const USAGE_NAMES: ReadonlySet<string> = new Set([ConfigurationError.name, "UsageError"]);

/** By name, not by class: the error may come from a second copy of the package. */
export const exitCodeOf = (error: unknown): ExitCode => {
  if (!isHoldfastError(error)) return EXIT.failed;
  if (NOT_FOUND_NAMES.has(error.name)) return EXIT.notFound;
  if (REFUSED_NAMES.has(error.name)) return EXIT.refused;
  return USAGE_NAMES.has(error.name) ? EXIT.usage : EXIT.failed;
};

export const exitCodeOfOutcome = (outcome: Outcome<unknown>): ExitCode => {
  switch (outcome.status) {
    case "completed":
      return EXIT.done;
    case "failed":
    case "cancelled":
      return EXIT.failed;
    case "suspended":
      return EXIT.suspended;
    default:
      return assertNever(outcome);
  }
};
