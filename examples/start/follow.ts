import type { DurableEvent, Outcome, Run, Session, Wait } from "holdfast";
import { pullThePlug } from "./crash.ts";
import { objectOf, textIn } from "./read-json.ts";
import { EventLines } from "./screen/event-lines.ts";
import { print } from "./screen/terminal.ts";

export type FollowOptions = {
  /** Events up to here are known; only later ones are shown. */
  readonly shownAfter: number;
  readonly quit: AbortSignal;
  /** Whether a person has asked for it to go on: then a run that waits for an operator has its operator. */
  readonly isOperator: boolean;
};

/** Where a test wants this process to die: at so many events that it has seen happen. */
const crashAt = (): number => Number(process.env["HOLDFAST_START_CRASH_AT"] ?? 0);

/** Shows a run as it goes, until it is settled or waits for somebody. */
export const follow = async (
  session: Session,
  run: Run,
  { shownAfter, quit, isOperator }: FollowOptions,
): Promise<{ readonly outcome: Outcome; readonly reportPath: string | null }> => {
  const done = new AbortController();
  const signal = AbortSignal.any([quit, done.signal]);
  const shown = show(session, { shownAfter, signal });
  try {
    let outcome = await run.outcome({ signal: quit });
    if (isOperator && outcome.status === "suspended" && outcome.waitingFor.some(isForOperator)) {
      await letGoOn(session, quit);
      outcome = await run.outcome({ signal: quit });
    }
    // What the run wrote down last has been given out before its outcome was.
    if (outcome.status === "suspended") done.abort();
    return { outcome, reportPath: await shown };
  } finally {
    done.abort();
  }
};

const isForOperator = ({ kind }: Wait): boolean => kind === "operator";

/** A session that was interrupted too often in a row goes on only when somebody says so. */
const letGoOn = async (session: Session, signal: AbortSignal): Promise<void> => {
  const { position } = await session.snapshot();
  await session.resume();
  for await (const event of session.events({ after: position, signal })) {
    if (event.type === "run.resumed") return;
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
