import type { Outcome, Run, Session } from "../../runtime/index.ts";
import type { RunPrinter } from "../printing/run-printer.ts";

type Watched = {
  readonly session: Session<unknown>;
  readonly run: Run<unknown>;
  readonly printer: RunPrinter;
  readonly signal: AbortSignal;
};

/** Shows a run until it ends, or waits for somebody; null when watching was stopped. */
export const watchRun = async ({
  session,
  run,
  printer,
  signal,
}: Watched): Promise<Outcome<unknown> | null> => {
  for await (const event of run.events({ signal })) {
    printer.show(event);
    if (event.kind !== "event" || event.type !== "run.suspended" || event.runId !== run.id) continue;
    if (!event.header.waitingFor.some((wait) => !("until" in wait))) continue;
    const { position, waitingFor } = await session.snapshot();
    // Past the end of the journal there is nothing that would go on by itself.
    if (position === event.position) return { status: "suspended", runId: run.id, waitingFor };
  }
  if (signal.aborted) return null;
  return await run.outcome();
};
