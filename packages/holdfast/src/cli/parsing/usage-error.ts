import { ConfigurationError } from "../../core/index.ts";

/** What was typed is not a command, or not a whole one. */
export class UsageError extends ConfigurationError {
  constructor(message: string, hint?: string) {
    super("OPTION_INVALID", message, hint === undefined ? {} : { hint });
  }
}
