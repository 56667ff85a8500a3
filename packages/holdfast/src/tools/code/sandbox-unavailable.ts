import { ConfigurationError } from "../../core/errors.ts";

/** Code cannot be run safely here, so it is not run at all. Nothing has happened. */
export class SandboxUnavailableError extends ConfigurationError {
  readonly executed = false;

  constructor(what: string, hint: string) {
    super("SANDBOX_UNAVAILABLE", `Code cannot be run here: ${what} Nothing was run.`, {
      hint,
      retryable: false,
    });
  }
}
