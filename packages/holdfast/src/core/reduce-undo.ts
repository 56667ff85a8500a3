import type { HeaderOf, ToolHeader } from "./event.ts";
import type { CallId } from "./ids.ts";
import type { Place } from "./place.ts";
import { openCallOf, type OpenCall, type OpenRun, type Phase, type SessionState } from "./session-state.ts";
import { writeUndoneBy } from "./undo.ts";
import {
  charsOfReport,
  isUndoId,
  type NotUndoneCall,
  type Undoing,
  type UndoReport,
  type WriteCall,
} from "./undo-terms.ts";
import { withRun } from "./with-run.ts";

/** Folds what begins the undoing of a run, and of a call of it. */
export const reduceUndo = (
  state: SessionState,
  header: HeaderOf<"run.undoing" | "undo.requested">,
): SessionState =>
  withRun(state, (run) =>
    header.type === "run.undoing" ? beginUndoing(run, header) : openUndo(run, header),
  );

/** Calls that are found out first go their way; whatever else comes of them, they are not begun again (E5). */
const beginUndoing = (run: OpenRun, { code, causeAt }: HeaderOf<"run.undoing">): OpenRun => {
  const undoing: Undoing = { code, causeAt, undone: [], notUndone: [] };
  const phase: Phase =
    run.phase.kind === "calling-tools"
      ? { ...run.phase, calls: run.phase.calls.map(stopped) }
      : endsAs(undoing);
  return { ...run, stopping: null, undoing, phase };
};

const stopped = (call: OpenCall): OpenCall => ({
  ...call,
  /* guard E5: what is found out to be undone is not begun again */ stopping: call.stopping ?? "cancelled",
});

/** Where a run stands whose end is decided. */
export const endsAs = ({ code, causeAt }: Undoing): Phase => ({ kind: "failing", code, causeAt });

/** A call like any other: started, retried, verified, asked about by the same rules (E1, E2, E7). */
const openUndo = (run: OpenRun, { undoId, undoes }: HeaderOf<"undo.requested">): OpenRun => {
  const write = run.writes.find(({ callId }) => callId === undoes);
  const undo = write?.undo ?? null;
  if (write === undefined || undo === null) return run;
  const call: OpenCall = {
    callId: undoId,
    tool: write.tool,
    policy: { ...undo, by: "runtime", undo: null },
    attempt: 0,
    lost: 0,
    insteadOf: null,
    stopping: null,
    resumed: null,
    status: { kind: "requested" },
    approval: null,
  };
  return { ...run, phase: { kind: "calling-tools", answerAt: write.answerAt, calls: [call] } };
};

/** Whether the open run is being undone. */
export const isUndoing = ({ run }: SessionState): boolean => run !== null && run.undoing !== null;

/** A cancel does not stop what is being undone: it is carried out, and then the run is rolled back. */
export const rollBackWhenUndone = (state: SessionState): SessionState =>
  withRun(state, (run) => {
    if (run.undoing === null) return run;
    const undoing: Undoing = { ...run.undoing, code: "RUN_CANCELLED", causeAt: null };
    const phase = run.phase.kind === "failing" ? endsAs(undoing) : run.phase;
    return { ...run, rollback: "owed", undoing, phase };
  });

type Closing = HeaderOf<
  "tool-call.completed" | "tool-call.failed" | "tool-call.unknown" | "tool-call.resolved"
>;

/** Whether the event is the last word on its call. */
export const closesCall = (header: ToolHeader): header is Closing => {
  switch (header.type) {
    case "tool-call.completed":
      return true;
    case "tool-call.resolved":
      return header.as !== "retry";
    case "tool-call.failed":
    case "tool-call.unknown":
      return header.next.kind === "give-up";
    default:
      return false;
  }
};

/** What came of undoing a call; the conversation hears of it when the run ends. */
export const closeUndo = (state: SessionState, header: Closing): SessionState => {
  const closed = withRun(state, (run) => {
    const write = writeUndoneBy(run, header.callId);
    if (run.undoing === null || write === undefined) return run;
    const undoing = reported(run.undoing, write, header);
    // guard E10: what was undone is not undone again
    const writes = run.writes.filter((other) => other !== write);
    return { ...run, writes, undoing, phase: endsAs(undoing) };
  });
  return header.type === "tool-call.completed" ? { ...closed, takeovers: 0 } : closed;
};

const reported = (undoing: Undoing, { callId, tool }: WriteCall, header: Closing): Undoing => {
  const reason = reasonOf(header);
  if (reason === null) return { ...undoing, undone: [...undoing.undone, { callId, tool }] };
  const code = "code" in header ? header.code : null;
  return {
    ...undoing,
    /* guard E10: an undo that failed is reported */ notUndone: [
      ...undoing.notUndone,
      { callId, tool, reason, code },
    ],
  };
};

const reasonOf = (header: Closing): NotUndoneCall["reason"] | null => {
  if (header.type === "tool-call.unknown") return "undo-unknown";
  const isDone =
    header.type === "tool-call.completed" ||
    (header.type === "tool-call.resolved" && header.as === "completed");
  return isDone ? null : "failed";
};

/** Takes note of what a `write` comes to, as far as undoing it depends on that. */
export const noteWrite = (state: SessionState, header: ToolHeader, place: Place): SessionState => {
  const call = openCallOf(state.run, header.callId);
  if (call?.policy.effect !== "write" || isUndoId(call.callId)) return state;
  if (header.type === "tool-call.started" || header.type === "tool-call.held")
    return withRun(state, (run) => begun(run, call, state.agent));
  if (!closesCall(header)) return state;
  const outcome = isLeftWithCaller(call, header) ? "unknown" : outcomeOf(header);
  return withRun(state, (run) => ({
    ...run,
    writes: withOutcome(run.writes, header.callId, { outcome, place }),
  }));
};

/** A caller who was handed a call, and is waited for no longer, may have run it. */
const isLeftWithCaller = ({ status }: OpenCall, header: Closing): boolean =>
  status.kind === "handed-over" &&
  status.child === null &&
  header.type === "tool-call.failed" &&
  (header.code === "TOOL_CANCELLED" || header.code === "TOOL_TIMEOUT");

/** The last attempt is the one that took effect: what it began after is undone after it. */
const begun = (run: OpenRun, { callId, tool, policy, approval }: OpenCall, agent: string): OpenRun => {
  const { phase, writes } = run;
  if (phase.kind !== "calling-tools") return run;
  const write: WriteCall = {
    callId,
    tool,
    agent,
    undo: policy.undo,
    answerAt: phase.answerAt,
    inputAt: approval?.inputAt ?? null,
    resultAt: null,
    status: "open",
  };
  return {
    ...run,
    // guard E10: calls are undone in the reverse order of their starts
    writes: [...writes.filter((other) => other.callId !== callId), write],
  };
};

const outcomeOf = (header: Closing): "done" | "unknown" | "not-done" => {
  if (header.type === "tool-call.unknown") return "unknown";
  return reasonOf(header) === null ? "done" : "not-done";
};

const withOutcome = (
  writes: readonly WriteCall[],
  callId: CallId,
  { outcome, place }: { readonly outcome: "done" | "unknown" | "not-done"; readonly place: Place },
): readonly WriteCall[] => {
  const index = writes.findLastIndex((write) => write.callId === callId);
  const write = writes[index];
  if (write === undefined) return writes;
  // guard E10: what did not happen is not undone
  if (outcome === "not-done") return writes.toSpliced(index, 1);
  return writes.with(index, { ...write, status: outcome, resultAt: place.position });
};

/** The model is told, with the next input, that what it did is undone: it would build on it otherwise. */
export const noteUndone = (state: SessionState, report: UndoReport | null, place: Place): SessionState => {
  if (report === null) return state;
  const chars = charsOfReport(report);
  return {
    ...state,
    // guard E10: the model is told what was undone
    window: [...state.window, { at: place.position, chars, kind: "undone" }],
    windowChars: state.windowChars + chars,
  };
};
