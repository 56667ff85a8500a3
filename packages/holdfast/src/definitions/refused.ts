import { ToolError } from "../core/errors.ts";

/** Why something was not connected to. */
export type RefusalReason = "url" | "host" | "port" | "address" | "redirect";

/** A connection that was not made, for a reason that another attempt does not change. Names no address: where names lead inside is nobody's business. */
export const refused = (reason: RefusalReason, message: string, hint?: string): ToolError =>
  new ToolError(message, {
    executed: false,
    retryable: false,
    details: { reason },
    ...(hint === undefined ? {} : { hint }),
  });
