import { ConfigurationError } from "../../core/errors.ts";

/** There is no browser to be used here. Nothing has happened. */
export class BrowserUnavailableError extends ConfigurationError {
  readonly executed = false;

  constructor(what: string, { hint, cause }: { readonly hint: string; readonly cause?: unknown }) {
    super("BROWSER_UNAVAILABLE", `There is no browser to be used here: ${what}`, {
      hint,
      retryable: false,
      ...(cause === undefined ? {} : { cause }),
    });
  }
}
