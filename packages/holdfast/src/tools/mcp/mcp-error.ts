import { HoldfastError } from "../../core/errors.ts";
import type { FailureCode } from "../../core/failure.ts";
import type { JsonObject } from "../../core/json.ts";

type McpErrorOptions = {
  readonly code?: FailureCode;
  /** False promises that the server did not act on it. */
  readonly executed?: false;
  readonly retryable?: boolean;
  readonly hint?: string;
  readonly details?: JsonObject;
  readonly cause?: unknown;
};

/** Something went wrong between us and a server: the message names it, says what happened, and what may be done. */
export class McpError extends HoldfastError {
  readonly executed: false | undefined;

  constructor(message: string, options: McpErrorOptions = {}) {
    const { code = "MCP_SERVER_FAILED", executed, ...more } = options;
    super(code, message, more);
    this.executed = executed;
  }
}
