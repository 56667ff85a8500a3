import { failure, type Failure, type FailureCode } from "./failure.ts";
import type { JsonObject } from "./json.ts";
import type { Wait } from "./wait.ts";

const BRAND = Symbol.for("holdfast.error");

type ErrorOptions = {
  /** What the developer can do about it. */
  readonly hint?: string;
  readonly retryable?: boolean;
  readonly details?: JsonObject;
  readonly cause?: unknown;
};

/**
 * Base of every error this package throws. One subclass for each decision a caller can make;
 * `code` says exactly what happened, `hint` what to do next, `failure` is the same as plain data.
 */
export class HoldfastError extends Error {
  readonly [BRAND] = true;
  readonly code: FailureCode;
  readonly hint: string | undefined;
  readonly failure: Failure;

  constructor(code: FailureCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
    this.failure = failure(code, message, {
      ...(options.retryable === undefined ? {} : { retryable: options.retryable }),
      ...(options.hint === undefined ? {} : { hint: options.hint }),
      ...(options.details === undefined ? {} : { details: options.details }),
    });
  }
}

/** Whether `value` is one of our errors, also when it comes from a second copy of the package. */
export const isHoldfastError = (value: unknown): value is HoldfastError => {
  try {
    return value instanceof Error && BRAND in value;
  } catch {
    // A proxy whose traps throw may be thrown too.
    return false;
  }
};

/** Correct the code: an option or a definition is wrong. */
export class ConfigurationError extends HoldfastError {}
/** Correct the id: what was asked for does not exist. */
export class NotFoundError extends HoldfastError {}
/** Look again: something else was decided first. */
export class ConflictError extends HoldfastError {}
/** Stop or restart: this runtime no longer accepts work. */
export class RuntimeClosedError extends HoldfastError {}
/** Repair the disk or the data directory: `holdfast doctor` says how. */
export class StoreError extends HoldfastError {}
/** Restore from a backup or ask for help: this journal cannot be read as written. */
export class JournalError extends HoldfastError {}
/** Read the text again from the durable event: the live stream was cut after text had been shown. */
export class StreamInterruptedError extends HoldfastError {}

/** The run failed; `failure` says how. Thrown only by one-shot calls. */
export class RunError extends HoldfastError {
  constructor(cause: Failure) {
    super(cause.code, cause.message, {
      retryable: cause.retryable,
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
      ...(cause.details === undefined ? {} : { details: cause.details }),
    });
  }
}

/** The run waits for somebody; `waitingFor` says for what. Thrown only by one-shot calls. */
export class RunSuspendedError extends HoldfastError {
  readonly runId: string;
  readonly waitingFor: readonly Wait[];

  constructor(runId: string, waitingFor: readonly Wait[]) {
    const what = waitingFor.map((wait) => wait.kind).join(", ");
    super("RUN_SUSPENDED", `The run is suspended: it waits for ${what}.`, {
      hint: "Get it again with `runtime.getRun(id)`; `outcome()` tells when it has gone on.",
      details: { runId },
    });
    this.runId = runId;
    this.waitingFor = waitingFor;
  }
}

/** A model call did not succeed. Providers' adapters throw it with the failure already typed. */
export class ModelCallError extends HoldfastError {
  /** Milliseconds the provider asked us to wait, when it did. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: FailureCode,
    message: string,
    options: ErrorOptions & { readonly retryAfterMs?: number } = {},
  ) {
    super(code, message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/**
 * Thrown by a tool's author to say exactly what happened.
 * `executed: false` promises that nothing was changed, which makes even a `write` safe to repeat (E2).
 */
export class ToolError extends HoldfastError {
  /** False only when the tool is certain that nothing happened; undefined when it cannot say. */
  readonly executed: boolean | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    options: ErrorOptions & { readonly executed?: boolean; readonly retryAfterMs?: number } = {},
  ) {
    super("TOOL_FAILED", message, options);
    this.executed = options.executed;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** What an error of ours says beyond its failure; also one that comes from a second copy of the package. */
export const toldByError = (
  thrown: unknown,
): { readonly executed: boolean | undefined; readonly retryAfterMs: number | undefined } => {
  const told = { executed: memberOf(thrown, "executed"), retryAfterMs: memberOf(thrown, "retryAfterMs") };
  return {
    executed: typeof told.executed === "boolean" ? told.executed : undefined,
    retryAfterMs: typeof told.retryAfterMs === "number" ? told.retryAfterMs : undefined,
  };
};

/** Of one of our errors, where reading it does not itself throw. */
const memberOf = (thrown: unknown, name: "executed" | "retryAfterMs"): unknown => {
  if (!isHoldfastError(thrown)) return undefined;
  try {
    const member: unknown = Reflect.get(thrown, name);
    return member;
  } catch {
    return undefined;
  }
};

/** Marks a branch that the types say cannot be reached. */
export const assertNever = (value: never): never => {
  throw new HoldfastError("INTERNAL", `Unexpected value: ${JSON.stringify(value)}`);
};
