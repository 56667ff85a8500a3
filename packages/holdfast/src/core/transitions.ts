import { callAllows, type CallEvent } from "./call-transitions.ts";
import type { EventHeader, EventType, HeaderOf } from "./event.ts";
import type { CallId, Position } from "./ids.ts";
import { isInFlight, openCallOf, type OpenRun, type SessionState } from "./session-state.ts";
import { isOfSummary, mayFollowSummary } from "./summary-transitions.ts";
import { isUndoId } from "./undo-terms.ts";
import { isMoreThanCancelled, mayBeginUndo, mayEndAs, mayRequestUndo } from "./undo-transitions.ts";
import { mayCompact } from "./window.ts";

/** The states a session can be in, as far as which events may follow is concerned. */
export const STATE_PHASES = [
  "new",
  "idle",
  "queued",
  "ready",
  "summarising",
  "calling-model",
  "calling-tools",
  "answered",
  "failing",
] as const;

export type StatePhase = (typeof STATE_PHASES)[number];

/** May the event follow: always, never, or when its own conditions hold. */
type Cell = "yes" | "no" | "if";
type Row = readonly [Cell, Cell, Cell, Cell, Cell, Cell, Cell, Cell, Cell];

/** States × events. Total: a new event or state does not compile until every cell is decided. */
// prettier-ignore
const TABLE: Record<EventType, Row> = {
  //                       new    idle   queued ready  sum    model  tools  answer failing
  "session.created":      ["yes", "no",  "no",  "no",  "no",  "no",  "no",  "no",  "no"],
  "session.recovered":    ["no",  "yes", "yes", "yes", "yes", "yes", "yes", "yes", "yes"],
  "session.restored":     ["no",  "yes", "yes", "yes", "yes", "yes", "yes", "yes", "yes"],
  "session.paused":       ["no",  "if",  "if",  "if",  "if",  "if",  "if",  "if",  "if"],
  "session.resumed":      ["no",  "if",  "if",  "if",  "if",  "if",  "if",  "if",  "if"],
  "signal.received":      ["no",  "yes", "yes", "yes", "yes", "yes", "yes", "yes", "yes"],
  "context.compacted":    ["no",  "no",  "no",  "if",  "no",  "no",  "no",  "no",  "no"],
  "run.accepted":         ["no",  "yes", "if",  "if",  "if",  "if",  "if",  "if",  "if"],
  "run.steered":          ["no",  "no",  "no",  "if",  "no",  "no",  "no",  "no",  "no"],
  "run.started":          ["no",  "no",  "if",  "no",  "no",  "no",  "no",  "no",  "no"],
  "run.handed-off":       ["no",  "no",  "no",  "if",  "no",  "no",  "no",  "no",  "no"],
  "run.suspended":        ["no",  "no",  "no",  "if",  "if",  "if",  "if",  "if",  "if"],
  "run.resumed":          ["no",  "no",  "no",  "if",  "if",  "if",  "if",  "if",  "if"],
  "run.cancel-requested": ["no",  "no",  "no",  "if",  "if",  "if",  "if",  "if",  "if"],
  "run.rolled-back":      ["no",  "no",  "no",  "if",  "no",  "no",  "no",  "if",  "if"],
  "run.expired":          ["no",  "no",  "no",  "if",  "if",  "if",  "if",  "if",  "if"],
  "run.completed":        ["no",  "no",  "no",  "no",  "no",  "no",  "no",  "if",  "no"],
  "run.failed":           ["no",  "no",  "if",  "if",  "no",  "no",  "no",  "if",  "if"],
  "run.cancelled":        ["no",  "no",  "if",  "if",  "if",  "if",  "if",  "if",  "if"],
  "run.undoing":          ["no",  "no",  "no",  "if",  "no",  "no",  "if",  "if",  "if"],
  "undo.requested":       ["no",  "no",  "no",  "no",  "no",  "no",  "no",  "no",  "if"],
  "model-call.started":   ["no",  "no",  "no",  "if",  "no",  "no",  "no",  "no",  "no"],
  "model-call.completed": ["no",  "no",  "no",  "no",  "no",  "if",  "no",  "no",  "no"],
  "model-call.failed":    ["no",  "no",  "no",  "no",  "no",  "if",  "no",  "no",  "no"],
  "summary-call.started": ["no",  "no",  "no",  "if",  "no",  "no",  "no",  "no",  "no"],
  "summary-call.completed":["no",  "no",  "no",  "no",  "if",  "no",  "no",  "no",  "no"],
  "summary-call.failed":  ["no",  "no",  "no",  "if",  "if",  "no",  "no",  "no",  "no"],
  "tool-call.held":       ["no",  "no",  "no",  "no",  "no",  "no",  "if",  "no",  "no"],
  "tool-call.started":    ["no",  "no",  "no",  "no",  "no",  "no",  "if",  "no",  "no"],
  "tool-call.suspended":  ["no",  "no",  "no",  "no",  "no",  "no",  "if",  "no",  "no"],
  "tool-call.deferred":   ["no",  "no",  "no",  "no",  "no",  "no",  "if",  "no",  "no"],
  "tool-call.resumed":    ["no",  "no",  "no",  "no",  "no",  "no",  "if",  "no",  "no"],
  "tool-call.cancel-requested":["no",  "no",  "no",  "no",  "no",  "no",  "if",  "no",  "no"],
  "tool-call.completed":  ["no",  "no",  "no",  "no",  "no",  "no",  "if",  "no",  "no"],
  "tool-call.failed":     ["no",  "no",  "no",  "no",  "no",  "no",  "if",  "no",  "no"],
  "tool-call.unknown":    ["no",  "no",  "no",  "no",  "no",  "no",  "if",  "no",  "no"],
  "tool-call.verified":   ["no",  "no",  "no",  "no",  "no",  "no",  "if",  "no",  "no"],
  "tool-call.resolved":   ["no",  "no",  "no",  "no",  "no",  "no",  "if",  "no",  "no"],
  "tool-call.late":       ["no",  "yes", "yes", "yes", "yes", "yes", "yes", "yes", "yes"],
  "budget.refused":       ["no",  "no",  "no",  "if",  "no",  "no",  "no",  "no",  "no"],
  "budget.raised":        ["no",  "no",  "no",  "if",  "if",  "if",  "if",  "if",  "if"],
  "budget.crossed":       ["no",  "no",  "no",  "if",  "no",  "no",  "if",  "if",  "if"],
  "approval.requested":   ["no",  "no",  "no",  "no",  "no",  "no",  "if",  "no",  "no"],
  "approval.escalated":   ["no",  "no",  "no",  "no",  "no",  "no",  "if",  "no",  "no"],
  "approval.decided":     ["no",  "no",  "no",  "no",  "no",  "no",  "if",  "no",  "no"],
  "approval.expired":     ["no",  "no",  "no",  "no",  "no",  "no",  "if",  "no",  "no"],
  "approval.voided":      ["no",  "no",  "no",  "no",  "no",  "no",  "if",  "no",  "no"],
  "approval.forgotten":   ["no",  "yes", "yes", "yes", "yes", "yes", "yes", "yes", "yes"],
};

export const statePhase = (state: SessionState): StatePhase => {
  if (state.position === 0) return "new";
  if (state.run !== null) return state.run.phase.kind;
  return state.queue.length > 0 ? "queued" : "idle";
};

/** Whether the event may follow in this state. */
export const isLegal = (state: SessionState, header: EventHeader): boolean => {
  const cell = TABLE[header.type][STATE_PHASES.indexOf(statePhase(state))];
  if (cell !== "if") return cell === "yes";
  return holdsForRun(state, header) && holdsForCall(state.run, header);
};

/** The cell itself, for the tests that walk the table. */
export const cellOf = (phase: StatePhase, type: EventType): Cell =>
  TABLE[type][STATE_PHASES.indexOf(phase)] ?? "no";

const isQueued = (state: SessionState, runId: string): boolean =>
  state.queue.some((queued) => queued.runId === runId);

const mayJoin = ({ queue }: SessionState, run: OpenRun, steerId: string): boolean =>
  queue.some((queued) => queued.runId === steerId && queued.joins === run.runId);

const mayAct = (run: OpenRun): boolean =>
  /* guard E5: nothing starts in a run that is stopped */ run.stopping === null &&
  /* guard S3: nothing starts in a suspended run */ run.suspended === null;

/** Conditions on the run: the event speaks of the open run, and the run is where the event says. */
const holdsForRun = (state: SessionState, header: EventHeader): boolean => {
  const { run } = state;
  if (header.type === "session.paused" || header.type === "session.resumed")
    return state.isPaused === (header.type === "session.resumed");
  if (header.type === "run.accepted")
    return (
      /* guard J5: a run that waits is not accepted again */ !isQueued(state, header.runId) &&
      /* guard J5: the open run is not accepted again */ run?.runId !== header.runId &&
      /* guard J5: what joined the open run is not accepted again */ run?.steers.includes(header.runId) !==
        true
    );
  if (header.type === "run.started")
    return (
      /* guard S4: one run at a time */ run === null &&
      /* guard S3: no run begins in a paused session */ !state.isPaused &&
      /* guard S4: the first that waits is the next */ state.queue[0]?.runId === header.runId
    );
  if (header.type === "run.cancelled" || header.type === "run.failed") {
    if (isQueued(state, header.runId)) return header.type === "run.cancelled" || run === null;
  }
  if (run === null) return false;
  // guard J3: an event of another run does not belong
  if ("runId" in header && header.runId !== run.runId) return false;
  return isOfSummary(header) ? mayFollowSummary(state, run, header) : holdsForOpenRun(state, run, header);
};

const holdsForOpenRun = (state: SessionState, run: OpenRun, header: EventHeader): boolean => {
  switch (header.type) {
    case "run.handed-off":
      return mayAct(run) && run.undoing === null;
    case "run.steered":
      return mayAct(run) && mayJoin(state, run, header.steerId);
    case "run.resumed":
      return run.suspended !== null;
    case "run.suspended":
      return (
        run.stopping === null &&
        /* guard S3: nothing is suspended with something in flight */ !isInFlight(run)
      );
    case "run.cancel-requested":
      return isMoreThanCancelled(run, header.mode);
    case "run.rolled-back":
      return mayEndAs(run, "RUN_CANCELLED") && run.rollback === "owed";
    case "run.undoing":
      return mayBeginUndo(run, header);
    case "undo.requested":
      return mayRequestUndo(run, header);
    case "run.expired":
    case "run.completed":
      return run.stopping === null && run.undoing === null;
    case "run.failed":
      return mayEndAs(run, header.code);
    case "run.cancelled":
      return (
        mayEndAs(run, "RUN_CANCELLED") &&
        /* guard E5: a run that is rolled back does not end before that is done */ run.rollback !== "owed" &&
        /* guard E5: a cancelled run is busy to its end */ !isBusy(run)
      );
    case "context.compacted":
      return mayAct(run) && mayCompact(state, { ...header, shortened: header.shortened ?? [] });
    case "model-call.started":
      return (
        mayAct(run) &&
        /* guard S3: no model is called in a paused session */ !state.isPaused &&
        /* guard E8: a run that is about to be handed over calls no model */ run.budget.leavingFor === null &&
        /* guard E1: a model call that is not owed does not start */ isOwed(run, header)
      );
    case "tool-call.started":
    case "tool-call.deferred":
      return mayCallTool(state, run, header.callId);
    case "tool-call.resumed":
      return header.by !== "signal" || state.kept.some(({ at }) => at === header.signalAt);
    case "budget.refused":
      return mayAct(run) && isOwed(run, header);
    case "model-call.completed":
      return (
        /* guard E1: an answer to another call does not belong */ isAbout(run, header.startedAt) &&
        /* guard E1: an answer to a lost call does not belong */ isInFlight(run)
      );
    case "model-call.failed":
      return isAbout(run, header.startedAt);
    default:
      return true;
  }
};

const mayCallTool = ({ isPaused }: SessionState, run: OpenRun, callId: CallId): boolean =>
  mayAct(run) &&
  /* guard S3: no tool is called in a paused session */ !isPaused &&
  /* guard E10: in a run that is being undone only that is done */ (run.undoing === null || isUndoId(callId));

const isOwed = ({ phase }: OpenRun, header: HeaderOf<"model-call.started" | "budget.refused">): boolean =>
  phase.kind === "ready" && phase.turn === header.turn && phase.attempt === header.attempt;

const isAbout = ({ phase }: OpenRun, startedAt: Position): boolean =>
  phase.kind === "calling-model" && phase.call.position === startedAt;

const BUSY: ReadonlySet<OpenRun["phase"]["kind"]> = new Set([
  "summarising",
  "calling-model",
  "calling-tools",
]);

const isBusy = ({ phase }: OpenRun): boolean => BUSY.has(phase.kind);

const isCallEvent = (header: EventHeader): header is CallEvent => "callId" in header;

const holdsForCall = (run: OpenRun | null, header: EventHeader): boolean => {
  if (!isCallEvent(header)) return true;
  const call = openCallOf(run, header.callId);
  return /* guard E1: a settled call gets no other event */ call !== undefined && callAllows(call, header);
};
