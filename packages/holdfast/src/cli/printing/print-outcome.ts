import type { Outcome } from "../../runtime/index.ts";
import { assertNever } from "../../core/index.ts";
import { commandsFor, describeWait } from "./describe-wait.ts";
import { undoLines } from "./describe-undo.ts";
import { dollars, duration, plural } from "./format.ts";
import type { Terminal } from "./terminal.ts";

type Totals = Exclude<Outcome<unknown>, { status: "suspended" }>;

/** What the run took: `2 turns, 1 tool call, 310 + 25 tokens, $0.01, 1.2 s`. */
const totalsLine = (outcome: Totals): string => {
  const { usage, estimatedCalls } = outcome;
  const tokens = `${usage.inputTokens.toLocaleString("en-US")} + ${usage.outputTokens.toLocaleString("en-US")} tokens`;
  return [
    plural(outcome.turns, "turn"),
    plural(outcome.toolCalls, "tool call"),
    ...(outcome.retries > 0 ? [plural(outcome.retries, "retry", "retries")] : []),
    estimatedCalls > 0 ? `${tokens} (partly estimated)` : tokens,
    dollars(outcome.costUsd),
    duration(outcome.durationMs),
  ].join(", ");
};

/** How a run ended, on stderr: for people, beside the answer on stdout. */
export const printOutcome = (
  { err }: Terminal,
  outcome: Outcome<unknown>,
  place: { readonly sessionId: string; readonly dataDir: string },
): void => {
  switch (outcome.status) {
    case "completed":
      if (outcome.finishReason === "length")
        err.line(err.paint("yellow", "The answer was cut at the model's output limit."));
      err.line(err.paint("dim", `done: ${totalsLine(outcome)}`));
      return;
    case "failed":
      err.line(
        `${err.paint("red", "failed:")} ${outcome.failure.message} ${err.paint("dim", `[${outcome.failure.code}]`)}`,
      );
      if (outcome.failure.hint !== undefined) err.line(outcome.failure.hint);
      for (const line of undoLines(outcome)) err.line(`  ${line}`);
      err.line(err.paint("dim", totalsLine(outcome)));
      return;
    case "cancelled":
      err.line(`${err.paint("yellow", "cancelled:")} ${totalsLine(outcome)}`);
      for (const callId of outcome.unknownCalls)
        err.line(`  ${callId} may or may not have taken effect; see`);
      for (const line of undoLines(outcome)) err.line(`  ${line}`);
      if (outcome.unknownCalls.length > 0)
        err.line(`    holdfast sessions show ${place.sessionId}${place.dataDir}`);
      return;
    case "suspended":
      err.line(`${err.paint("yellow", "suspended:")} it waits for`);
      for (const wait of outcome.waitingFor) {
        err.line(`  ${describeWait(wait)}`);
        for (const command of commandsFor(wait, place)) err.line(`    ${err.paint("bold", command)}`);
      }
      return;
    default:
      assertNever(outcome);
  }
};
