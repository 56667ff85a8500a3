import type { DurableEvent, Outcome, Run, Session } from "holdfast";
import { pullThePlug } from "./crash.ts";
import { objectOf, textIn } from "./read-json.ts";
import { EventLines } from "./screen/event-lines.ts";
import { print } from "./screen/terminal.ts";

export type FollowOptions = {
  /** Events up to here are known; only later ones are shown. */
  readonly shownAfter: number;
  readonly quit: AbortSignal;
};

/** Where a test wants this process to die: at so many events that it has seen happen. */
const crashAt = (): number => Number(process.env["HOLDFAST_START_CRASH_AT"] ?? 0);

/** Shows a run as it goes, until it is settled or waits for somebody. */
export const follow = async (
  session: Session,
  run: Run,
  { shownAfter, quit }: FollowOptions,
): Promise<{ readonly outcome: Outcome; readonly reportPath: string | null }> => {
  const done = new AbortController();
  const signal = AbortSignal.any([quit, done.signal]);
  const shown = show(session, { shownAfter, signal });
  try {
    const outcome = await run.outcome({ signal: quit });
    // What the run wrote down last has been given out before its outcome was.
    if (outcome.status === "suspended") done.abort();
    return { outcome, reportPath: await shown };
  } finally {
    done.abort();
  }
};

const show = async (
  session: Session,
  { shownAfter, signal }: { readonly shownAfter: number; readonly signal: AbortSignal },
): Promise<string | null> => {
  const lines = new EventLines();
  const deadAt = crashAt();
  let seen = 0;
  let reportPath: string | null = null;
  for await (const event of session.events({ signal })) {
    const told = lines.of(event);
    if (event.kind !== "event") continue;
    reportPath = reportIn(event) ?? reportPath;
    if (event.position > shownAfter) {
      for (const line of told) print(line);
      seen += 1;
    }
    if (seen === deadAt && deadAt > 0) pullThePlug();
    if (event.type === "run.completed" || event.type === "run.failed" || event.type === "run.cancelled")
      return reportPath;
  }
  return reportPath;
};

/** Where `write_report` says it has put the report. */
const reportIn = ({ type, payload }: DurableEvent): string | null => {
  if (type !== "tool-call.completed") return null;
  const path = textIn(objectOf(objectOf(payload?.["output"])?.["value"]), "path");
  return path.endsWith("report.md") ? path : null;
};
