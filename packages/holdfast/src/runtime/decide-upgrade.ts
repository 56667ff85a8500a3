import { ConfigurationError, ConflictError } from "../core/errors.ts";
import type { RunId, SessionId } from "../core/ids.ts";
import type { OpenRun } from "../core/session-state.ts";
import { asksAboutUpgrade } from "../core/upgrade.ts";

/** What an operator says to a run that asks whether it goes on with another definition (S6). */
export type UpgradeDecision = "migrate" | "stop";

/** The run to cancel, or null where it goes on; refused where none asks, or by another word. */
export const runToStop = (
  decision: UpgradeDecision,
  { sessionId, run }: { readonly sessionId: SessionId; readonly run: OpenRun | null },
): RunId | null => {
  if (decision !== "migrate" && decision !== "stop")
    throw new ConfigurationError("OPTION_INVALID", 'decideUpgrade: say "migrate" or "stop".');
  if (run === null || !asksAboutUpgrade(run))
    throw new ConflictError(
      "CALL_NOT_WAITING",
      `No run of session ${sessionId} asks about another definition.`,
      { hint: "session.snapshot() says what it waits for." },
    );
  return decision === "stop" ? run.runId : null;
};
