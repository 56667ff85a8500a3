import type { EventHeader } from "./event.ts";
import type { Position } from "./ids.ts";
import { isInFlight, type OpenRun, type SessionState } from "./session-state.ts";
import type { SummaryHeader } from "./summary-header.ts";
import { maySumUp } from "./window.ts";

export const isOfSummary = (header: EventHeader): header is SummaryHeader =>
  header.type.startsWith("summary-call.");

/** Whether a summary may begin, or end, where the run stands (E6). */
export const mayFollowSummary = (state: SessionState, run: OpenRun, header: SummaryHeader): boolean => {
  switch (header.type) {
    case "summary-call.started":
      return (
        mayBeAsked(run) &&
        /* guard S3: nothing is summed up in a paused session */ !state.isPaused &&
        run.budget.leavingFor === null &&
        maySumUp(state, header.dropped)
      );
    case "summary-call.completed":
      return isAbout(run, header.startedAt) && isInFlight(run);
    case "summary-call.failed":
      return header.startedAt === null ? mayBeAsked(run) : isAbout(run, header.startedAt);
  }
};

const mayBeAsked = ({ phase, stopping, suspended, summary, settings }: OpenRun): boolean =>
  phase.kind === "ready" &&
  /* guard E5: nothing is summed up in a run that is stopped */ stopping === null &&
  /* guard S3: nor in one that is suspended */ suspended === null &&
  /* guard E6: a summary is asked for once */ summary === null &&
  settings.summary !== null;

const isAbout = ({ phase }: OpenRun, startedAt: Position): boolean =>
  phase.kind === "summarising" &&
  /* guard E1: an answer to another summary does not belong */ phase.call.position === startedAt;
