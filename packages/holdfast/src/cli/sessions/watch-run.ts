import { needsSomebody, type Wait } from "../../core/index.ts";
import type { Outcome, Run, Session, SessionEvent, SessionSnapshot } from "../../runtime/index.ts";
import type { RunPrinter } from "../printing/run-printer.ts";

type Watched = {
  readonly session: Session<unknown>;
  readonly run: Run<unknown>;
  readonly printer: RunPrinter;
  readonly signal: AbortSignal;
};

/** Shows a run until it ends, or waits for somebody; null when watching was stopped. */
export const watchRun = async (watched: Watched): Promise<Outcome<unknown> | null> => {
  const { run, printer, signal } = watched;
  for await (const event of run.events({ signal })) {
    printer.show(event);
    const waitingFor = await waitsAt(event, watched);
    if (waitingFor !== null) return { status: "suspended", runId: run.id, waitingFor };
  }
  return signal.aborted ? null : await run.outcome();
};

const LOOK_EVERY_MS = 50;

/** Where the session stands once what was said to it has been read: an answer may be on its way. */
const settled = async (session: Session<unknown>): Promise<SessionSnapshot> => {
  const { createSystemClock } = await import("../../runtime/index.ts");
  const clock = createSystemClock();
  for (;;) {
    const snapshot = await session.snapshot();
    if (snapshot.unreadSignals === 0) return snapshot;
    await new Promise<void>((resolve) => void clock.startTimer(LOOK_EVERY_MS, resolve));
  }
};

/** What the run waits for at this event, when only somebody else can end that; also a run before it in the queue. */
const waitsAt = async (
  event: SessionEvent,
  { session, run }: Pick<Watched, "session" | "run">,
): Promise<readonly Wait[] | null> => {
  if (event.kind !== "event" || event.runId !== run.id) return null;
  const isAccepted = event.type === "run.accepted";
  const isSuspended = event.type === "run.suspended" && event.header.waitingFor.some(needsSomebody);
  if (!isAccepted && !isSuspended) return null;
  const { runId, position, waitingFor } = await settled(session);
  if (isAccepted && runId === run.id) return null;
  // Past the end of the journal there is nothing that would go on by itself.
  return position === event.position && waitingFor.some(needsSomebody) ? waitingFor : null;
};
