import { assertNever } from "./errors.ts";
import type { HeaderOf } from "./event.ts";
import type { Position } from "./ids.ts";
import type { Place } from "./place.ts";
import type { OpenRun, Phase, SessionState } from "./session-state.ts";
import type { SummaryHeader } from "./summary-header.ts";
import { addCharge, type Charge } from "./usage.ts";
import { withRun } from "./with-run.ts";

/** Folds the calls of the model that sums up what leaves the window: they cost, and say nothing to the run's own model. */
export const reduceSummaryCall = (state: SessionState, header: SummaryHeader, place: Place): SessionState => {
  switch (header.type) {
    case "summary-call.started":
      return withRun(state, (run) => ({ ...run, phase: summarising(run.phase, header, place) }));
    case "summary-call.completed":
      return {
        ...withRun(state, (run) => settled(run, { charge: header.charge, at: place.position })),
        takeovers: 0,
      };
    case "summary-call.failed":
      return withRun(state, (run) => settled(run, { charge: header.charge, at: null }));
    default:
      return assertNever(header);
  }
};

const summarising = (phase: Phase, header: HeaderOf<"summary-call.started">, place: Place): Phase => {
  if (phase.kind !== "ready") return phase;
  const { dropped, estimate, reserved } = header;
  const call = { position: place.position, at: place.at, estimate, reserved, dropped, isLost: false };
  return { kind: "summarising", call, next: phase };
};

/** The run goes on where it was: what it had asked for is tried once. */
const settled = (
  run: OpenRun,
  { charge, at }: { readonly charge: Charge; readonly at: Position | null },
): OpenRun => {
  const { phase } = run;
  const isOpen = phase.kind === "summarising";
  return {
    ...run,
    // guard E8: a summary is charged to its run
    spend: addCharge(run.spend, charge),
    // guard E6: a summary is asked for once
    summary: { dropped: isOpen ? phase.call.dropped : 0, at },
    phase: isOpen ? phase.next : phase,
  };
};
