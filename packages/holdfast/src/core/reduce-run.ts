import { UNTOUCHED } from "./budget-terms.ts";
import { assertNever } from "./errors.ts";
import type { HeaderOf, RunHeader } from "./event.ts";
import type { RunId } from "./ids.ts";
import type { Place } from "./place.ts";
import { isUndoing, noteUndone, reduceUndo, rollBackWhenUndone } from "./reduce-undo.ts";
import type { OpenRun, QueuedRun, RunStatus, SessionState, WindowEntry } from "./session-state.ts";
import { regauged } from "./token-gauge.ts";
import { definitionAfter } from "./upgrade.ts";
import { NO_SPEND } from "./usage.ts";
import { withRun } from "./with-run.ts";

/** Folds what happens to a run as a whole. */
export const reduceRun = (state: SessionState, header: RunHeader, place: Place): SessionState => {
  switch (header.type) {
    case "run.accepted": {
      const { runId, chars, limits, joins, calledBy } = header;
      const queued = { runId, acceptedAt: place.position, at: place.at, chars, limits, joins, calledBy };
      const queue = header.isNext
        ? /* guard S4: who interrupts is next */ [queued, ...state.queue]
        : [...state.queue, queued];
      return { ...state, queue, runs: state.runs + 1 };
    }
    case "run.steered":
      return joinRun(state, header.steerId);
    case "run.started":
      return startRun(state, header, place);
    case "run.handed-off":
      return handOff(state, header, place);
    case "run.suspended":
      return withRun(state, (run) => ({
        ...run,
        // Waiting for something else is still the same suspension, for the time that does not count.
        suspended: {
          since: /* guard E6: one suspension counts from its beginning */ run.suspended?.since ?? place.at,
          waitingFor: header.waitingFor,
        },
      }));
    case "run.resumed": {
      // An operator's word ends the count that led to suspending; time passing does not.
      const takeovers = header.by === "operator" ? 0 : state.takeovers;
      const resumed = withRun(state, (run) => ({
        ...resume(run, place),
        definition: header.by === "operator" ? definitionAfter(run) : run.definition,
      }));
      return { ...resumed, takeovers };
    }
    case "run.cancel-requested":
      if (isUndoing(state)) return rollBackWhenUndone(state);
      return withRun(state, (run) => ({
        ...resume(run, place),
        stopping: "cancelled",
        rollback: header.mode === "rollback" ? "owed" : run.rollback,
      }));
    case "run.rolled-back":
      return rollBack(state);
    case "run.expired":
      return withRun(state, (run) => ({ ...resume(run, place), stopping: "expired" }));
    case "run.completed":
      return settle(state, { runId: header.runId, status: "completed" }, place);
    case "run.failed":
      return settle(noteUndone(state, header.undo, place), { runId: header.runId, status: "failed" }, place);
    case "run.undoing":
    case "undo.requested":
      return reduceUndo(state, header);
    case "run.cancelled":
      return settle(state, { runId: header.runId, status: "cancelled" }, place);
    default:
      return assertNever(header);
  }
};

const resume = (run: OpenRun, place: Place): OpenRun =>
  run.suspended === null
    ? run
    : {
        ...run,
        suspended: null,
        /* guard E6: time spent suspended is counted */ suspendedMs:
          run.suspendedMs + (place.at - run.suspended.since),
      };

const startRun = (state: SessionState, header: HeaderOf<"run.started">, place: Place): SessionState => {
  const queued = state.queue[0];
  if (queued === undefined) return state;
  const run: OpenRun = {
    runId: header.runId,
    acceptedAt: queued.acceptedAt,
    inputAt: queued.acceptedAt,
    steers: [],
    startedAt: place.at,
    settings: header.settings,
    definition: { version: header.version, digest: header.digest, onUpgrade: header.onUpgrade, left: [] },
    trace: header.trace,
    calledBy: queued.calledBy,
    turn: 0,
    toolCalls: 0,
    repeats: 0,
    retries: 0,
    outputRepairs: 0,
    spend: NO_SPEND,
    budget: UNTOUCHED,
    candidate: 0,
    phase: { kind: "ready", turn: 1, attempt: 1, candidate: 0, dueAt: place.at },
    stopping: null,
    rollback: "no",
    unknown: [],
    writes: [],
    undoing: null,
    suspended: null,
    suspendedMs: 0,
    mustCompact: false,
    summary: null,
  };
  return {
    ...state,
    // guard S4: a run that began waits no longer
    queue: state.queue.slice(1),
    run,
    digest: header.digest,
    window: [...state.window, inputEntry(queued, header, place)],
    windowChars: state.windowChars + queued.chars + header.recalledChars,
    instructionsAt: header.instructionsAt ?? place.position,
    partsAt: header.parts === null ? state.partsAt : place.position,
  };
};

/** What is told before the input of a run is told with it: they stay, go and are taken back together. */
const inputEntry = (
  { acceptedAt, chars }: QueuedRun,
  { recalledChars }: HeaderOf<"run.started">,
  { position }: Place,
): WindowEntry => ({
  at: acceptedAt,
  chars: chars + recalledChars,
  kind: "input",
  ...(recalledChars === 0 ? {} : { recalledAt: position }),
});

/** The run goes on where it is, by the next agent's settings; its limits are those it began with (E8). */
const handOff = (state: SessionState, header: HeaderOf<"run.handed-off">, place: Place): SessionState => {
  const { agent, digest, settings, history, chars, agentVersion: version, onUpgrade } = header;
  const next = withRun(state, (run) => ({
    ...run,
    settings,
    definition: { version, digest, onUpgrade, left: [] },
    candidate: 0,
    phase: run.phase.kind === "ready" ? { ...run.phase, attempt: 1, candidate: 0 } : run.phase,
    // What one model counted says nothing of another.
    budget: { ...run.budget, measured: null, leavingFor: null },
    inputAt: history === "full" ? run.inputAt : place.position,
  }));
  const taken = { ...next, agent, digest, instructionsAt: place.position, partsAt: place.position };
  if (history === "full") return taken;
  // What was counted has all been left behind.
  return {
    ...taken,
    window: [{ at: place.position, chars, kind: "input" }],
    windowChars: chars,
    gauge: null,
  };
};

/** What the run said, and what joined it, leaves the window; what was said before it stays (E5). */
const rollBack = (state: SessionState): SessionState => {
  const { run } = state;
  const from = state.window.findIndex((entry) => entry.kind === "input" && entry.at === run?.inputAt);
  const kept = from === -1 ? state.window : state.window.slice(0, from);
  const window = kept.map((entry) => withoutRun(entry, run));
  const windowChars = window.reduce((sum, entry) => sum + entry.chars, 0);
  const gauge = regauged(state, window);
  return { ...withRun(state, (open) => ({ ...open, rollback: "done" })), window, windowChars, gauge };
};

/** A summary that was made in the run tells of the run as well. */
const withoutRun = (entry: WindowEntry, run: OpenRun | null): WindowEntry =>
  entry.kind === "summary" && run !== null && entry.madeIn === run.acceptedAt
    ? /* guard E5: what was rolled back is in no summary */ { ...entry, isShortened: true }
    : entry;

/** The input enters the window behind the results of the last turn, before the next model call (S4, E3). */
const joinRun = (state: SessionState, steerId: RunId): SessionState => {
  const queued = state.queue.find(({ runId }) => runId === steerId);
  if (queued === undefined) return state;
  return {
    ...withRun(state, (run) => ({ ...run, steers: [...run.steers, steerId] })),
    // guard S4: what joined a run is no run of its own
    queue: state.queue.filter((other) => other !== queued),
    window: [...state.window, { at: queued.acceptedAt, chars: queued.chars, kind: "steer" }],
    windowChars: state.windowChars + queued.chars,
  };
};

/** A run may also end while it is still queued: cancelled, or impossible to start. */
const settle = (
  state: SessionState,
  { runId, status }: { readonly runId: RunId; readonly status: RunStatus },
  place: Place,
): SessionState => ({
  ...state,
  // guard E5: a run that ended while it waited does not begin
  queue: state.queue.filter((queued) => queued.runId !== runId),
  run:
    state.run?.runId === runId ? null : /* guard S4: the end of one run is not that of another */ state.run,
  // Holders lost over this run say nothing about the next one.
  takeovers: state.run?.runId === runId ? 0 : state.takeovers,
  lastRun: { runId, status },
  endedAt:
    state.run?.runId === runId && state.run.rollback !== "done"
      ? place.at
      : // E5: what was rolled back was not said
        state.endedAt,
  allowances: state.allowances.filter((allowance) => allowance.runId !== runId),
});
