import { relative } from "node:path";
import type { Outcome, Wait } from "holdfast";
import { paint, print, row, rowToCopy, seconds, width, wrap } from "./terminal.ts";

export type Ending = {
  readonly outcome: Outcome;
  readonly sessionId: string;
  readonly dataDir: string;
  /** Null when no report was written. */
  readonly reportPath: string | null;
  readonly isScripted: boolean;
};

/** What came of it: the answer, and what it took. */
export const printSummary = ({ outcome, sessionId, dataDir, reportPath, isScripted }: Ending): void => {
  const { status } = outcome;
  print();
  if (outcome.status === "completed") {
    print(paint("bold", "Answer"));
    for (const line of outcome.text.split("\n").flatMap((text) => wrap(text, width() - 2)))
      print(`  ${line}`);
  }
  if (outcome.status === "failed") printFailure(outcome.failure.code, outcome.failure.message);
  if (outcome.status === "cancelled") print(paint("yellow", cancelledText(outcome.unknownCalls)));
  if (outcome.status === "suspended")
    for (const wait of outcome.waitingFor) print(paint("yellow", waitText(wait, sessionId)));
  print();
  if (reportPath !== null) rowToCopy("report", near(reportPath));
  if (outcome.status !== "suspended") {
    const { turns, toolCalls, retries, durationMs, usage, costUsd, estimatedCalls } = outcome;
    row(
      "run",
      `${status} in ${seconds(durationMs)} · ${counted(turns, "turn")} · ${counted(toolCalls, "tool call")} · ${counted(retries, "retry")}`,
    );
    const estimated = estimatedCalls === 0 ? "" : ` (${counted(estimatedCalls, "call")} estimated)`;
    const how = isScripted ? " (counted from characters: a script has no tokens)" : "";
    row(
      "tokens",
      `${usage.inputTokens.toLocaleString("en-US")} in · ${usage.outputTokens.toLocaleString("en-US")} out${estimated}${how}`,
    );
    row("cost", costText(costUsd, isScripted));
  }
  rowToCopy(
    "journal",
    `npm run holdfast -- sessions events ${sessionId}${near(dataDir) === ".holdfast" ? "" : ` --data-dir ${near(dataDir)}`}`,
  );
};

const printFailure = (code: string, message: string): void => {
  for (const line of wrap(`The run failed: ${message}`, width() - 2)) print(paint("red", line));
  print(`What to do: docs/errors/${code}.md`);
};

const counted = (count: number, noun: string): string => {
  if (count === 1) return `1 ${noun}`;
  return `${count} ${noun.endsWith("y") ? `${noun.slice(0, -1)}ies` : `${noun}s`}`;
};

const near = (path: string): string => {
  const way = relative(process.cwd(), path);
  return way.startsWith("..") ? path : way;
};

const costText = (costUsd: number | null, isScripted: boolean): string => {
  if (costUsd !== null) return `$${costUsd.toFixed(4)}`;
  return isScripted
    ? "nothing to pay: the scripted model has no price"
    : "unknown: no price is known for this model";
};

const cancelledText = (unknown: readonly string[]): string =>
  unknown.length === 0
    ? "Stopped. Nothing is left open."
    : `Stopped. ${unknown.length === 1 ? "One call" : `${unknown.length} calls`} may or may not have taken effect: ${unknown.join(", ")}.`;

const waitText = (wait: Wait, sessionId: string): string => {
  if (wait.kind === "resolution") {
    return `The run waits: somebody must say what became of ${wait.callId}. npm run holdfast -- calls resolve ${sessionId} ${wait.callId} --help`;
  }
  if (wait.kind === "operator")
    return "The run waits for an operator: it was interrupted too often in a row. npm start -- --resume lets it go on.";
  return `The run waits: ${wait.kind}.`;
};
