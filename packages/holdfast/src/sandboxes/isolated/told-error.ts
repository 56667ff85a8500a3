import { HoldfastError, toldByError } from "../../core/errors.ts";
import { failure as failureOf, toFailure, type Failure, type FailureCode } from "../../core/failure.ts";
import type { ToldFailure } from "./messages.ts";

/** An error told across: the failure it was, and what it says of whether anything happened (E2). */
export class ToldError extends HoldfastError {
  readonly executed: boolean | undefined;
  readonly retryAfterMs: number | undefined;
  override readonly failure: Failure;

  constructor({ failure, executed, retryAfterMs }: ToldFailure) {
    super(failure.code, failure.message);
    this.failure = failure;
    this.executed = executed;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What a thrown value says, as data. */
export const tell = (thrown: unknown, code: FailureCode = "TOOL_FAILED"): ToldFailure => ({
  failure: toFailure(thrown, code),
  ...toldByError(thrown),
});

/** Nothing of the tool has run, and whoever hears of it may rely on that (I1). */
export const notEntered = (failure: Failure): ToldError =>
  new ToldError({ failure, executed: false, retryAfterMs: undefined });

export const stoppedBefore = (): ToldError =>
  notEntered(failureOf("TOOL_NOT_RUN", "The call was stopped before the tool was entered."));
