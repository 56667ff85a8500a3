import { assertNever } from "./errors.ts";
import type { AfterToolFailure, HeaderOf, ToolHeader } from "./event.ts";
import type { CallId } from "./ids.ts";
import type { Place } from "./place.ts";
import type { CallStatus, OpenRun, SessionState } from "./session-state.ts";
import { addSpend, type Spend } from "./usage.ts";
import { spentSoFar } from "./child-budget.ts";
import { closesCall, closeUndo, endsAs, isUndoing, noteWrite } from "./reduce-undo.ts";
import { isUndoId } from "./undo-terms.ts";
import { withCall } from "./with-call.ts";
import { withRun } from "./with-run.ts";

/** Folds tool calls. A call leaves the state when its one result is there (E3). */
export const reduceToolCall = (state: SessionState, header: ToolHeader, place: Place): SessionState => {
  if (isUndoId(header.callId) && closesCall(header)) return closeUndo(state, header);
  const noted = noteWrite(state, header, place);
  return reduceCall(noted, header, place);
};

const reduceCall = (state: SessionState, header: ToolHeader, place: Place): SessionState => {
  switch (header.type) {
    case "tool-call.held":
      return withCall(header.child === null ? state : shareRest(state), header.callId, (call) => ({
        ...call,
        attempt: call.attempt + 1,
        status: { kind: "handed-over", since: place.at, dueAt: header.dueAt, child: header.child },
      }));
    case "tool-call.started":
      return withCall(state, header.callId, (call) => ({
        ...call,
        // guard E1: attempts are counted
        attempt: header.attempt,
        status: { kind: "started", at: place.at, notAfter: header.notAfter },
      }));
    case "tool-call.suspended":
      return withCall(state, header.callId, (call) => ({
        ...call,
        lost: call.lost + 1,
        status: { kind: "waiting", until: header.until, key: header.key },
      }));
    case "tool-call.deferred":
      return withStatus(state, header.callId, { kind: "retrying", dueAt: header.until });
    case "tool-call.resumed":
      return {
        ...withCall(state, header.callId, (call) => ({
          ...call,
          resumed: { by: header.by, signalAt: header.signalAt },
          status: { kind: "requested" },
        })),
        // guard J6: a signal is taken once
        kept: state.kept.filter(({ at }) => at !== header.signalAt),
      };
    case "tool-call.cancel-requested":
      return withCall(state, header.callId, (call) => ({
        ...call,
        stopping: header.isGivenUp ? "given-up" : "cancelled",
      }));
    case "tool-call.completed":
      return { ...close(state, header, place), takeovers: 0 };
    case "tool-call.failed":
      return failed(state, header, place);
    case "tool-call.unknown":
      return unknown(state, header, place);
    case "tool-call.verified":
      return verified(state, header, place);
    case "tool-call.resolved":
      return header.as === "retry"
        ? // A person's word to run it again is the later one.
          withCall(state, header.callId, (call) => ({
            ...call,
            // guard E10: a call is not made again by a run that is being undone
            stopping: !isUndoing(state) || isUndoId(call.callId) ? null : call.stopping,
            status: { kind: "requested" },
          }))
        : close(state, header, place);
    case "tool-call.late":
      // Late results are kept for the record and change nothing (E5).
      return state;
    default:
      return assertNever(header);
  }
};

/** From its first child on, what a run may still spend is shared with those it calls (E8). */
const shareRest = (state: SessionState): SessionState =>
  withRun(state, (run) => ({
    ...run,
    // guard E8: what a run spent before it called an agent counts once
    budget: { ...run.budget, sharedSince: run.budget.sharedSince ?? spentSoFar(run) },
  }));

const failed = (state: SessionState, header: HeaderOf<"tool-call.failed">, place: Place): SessionState => {
  const { next } = header;
  switch (next.kind) {
    case "retry":
      return retry(state, header, next.dueAt);
    case "other-tool":
      return replaceTool(state, header, next);
    case "last-good":
      return withStatus(state, header.callId, { kind: "requested" });
    case "give-up":
      return close(state, header, place);
    default:
      return assertNever(next);
  }
};

/** From now on it is a call of another tool, with attempts of its own. */
const replaceTool = (
  state: SessionState,
  { callId, code }: HeaderOf<"tool-call.failed">,
  { tool, policy }: AfterToolFailure & { readonly kind: "other-tool" },
): SessionState => {
  const replaced = withCall(state, callId, (call) => ({
    ...call,
    tool,
    policy,
    // guard E7: another tool is tried as often as it may be
    lost: call.attempt,
    resumed: null,
    status: { kind: "requested" },
    insteadOf: { tool: call.tool, code, attempts: call.attempt },
  }));
  return withRun(replaced, (run) => {
    // guard E10: what did not happen is not undone
    const writes = run.writes.filter((write) => write.callId !== callId);
    return { ...run, writes };
  });
};

const retry = (state: SessionState, header: HeaderOf<"tool-call.failed">, dueAt: number): SessionState => {
  const next = withStatus(state, header.callId, { kind: "retrying", dueAt });
  return withRun(next, (run) => ({ ...run, retries: run.retries + 1 }));
};

const unknown = (state: SessionState, header: HeaderOf<"tool-call.unknown">, place: Place): SessionState => {
  // guard E2: a call of unknown outcome stays open
  if (header.next.kind !== "give-up") {
    return withStatus(state, header.callId, { kind: "unknown", next: header.next });
  }
  const noted = withRun(state, (run) => ({
    ...run,
    /* guard E2: calls given up on are listed */ unknown: [...run.unknown, header.callId],
  }));
  return close(noted, header, place);
};

const verified = (
  state: SessionState,
  header: HeaderOf<"tool-call.verified">,
  place: Place,
): SessionState => {
  // guard E2: a check that found nothing out is left to a person
  if (header.status === "unknown") {
    return withStatus(state, header.callId, { kind: "unknown", next: { kind: "ask" } });
  }
  const next = withStatus(state, header.callId, { kind: "retrying", dueAt: place.at });
  return withRun(next, (run) => ({ ...run, retries: run.retries + 1 }));
};

const withStatus = (state: SessionState, callId: CallId, status: CallStatus): SessionState =>
  withCall(state, callId, (call) => ({ ...call, status }));

/** Gives the call its one result; with the last one closed, the next model call is owed (E3). */
const close = (
  state: SessionState,
  header: {
    readonly callId: CallId;
    readonly chars: number;
    readonly repeats?: number;
    readonly spent?: Spend | null;
  },
  place: Place,
): SessionState => ({
  ...withRun(state, (run) => {
    // What was done on behalf of a run is part of what it came to.
    const { spent = null } = header;
    const spend =
      spent === null
        ? run.spend
        : /* guard E8: what a child spent is spent by its parent */ addSpend(run.spend, spent);
    return withoutCall({ ...run, spend, repeats: header.repeats ?? 0 }, header.callId, place);
  }),
  window: [...state.window, { at: place.position, chars: header.chars, kind: "result" }],
  windowChars: state.windowChars + header.chars,
});

const withoutCall = (run: OpenRun, callId: CallId, place: Place): OpenRun => {
  if (run.phase.kind !== "calling-tools") return run;
  const index = run.phase.calls.findIndex((call) => call.callId === callId);
  if (index === -1) return run;
  // guard E1: a settled call leaves the state
  const calls = run.phase.calls.toSpliced(index, 1);
  // guard E3: the model is not called while a call is open
  if (calls.length > 0) return { ...run, phase: { ...run.phase, calls } };
  // guard E10: a run that is being undone asks no model
  if (run.undoing !== null) return { ...run, phase: endsAs(run.undoing) };
  return {
    ...run,
    phase: { kind: "ready", turn: run.turn + 1, attempt: 1, candidate: run.candidate, dueAt: place.at },
  };
};
