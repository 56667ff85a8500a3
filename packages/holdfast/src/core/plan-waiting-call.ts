import type { HeaderOf } from "./event.ts";
import type { Timestamp } from "./ids.ts";
import type { CallStatus, OpenCall, OpenRun, SessionState } from "./session-state.ts";
import type { Wait } from "./wait.ts";

type Waiting = CallStatus & { readonly kind: "waiting" };

export type WaitingStep =
  | { readonly kind: "resume"; readonly header: HeaderOf<"tool-call.resumed"> }
  | { readonly kind: "wait"; readonly wait: Wait };

/** A tool that suspended itself: it goes on with the oldest signal of its key, or when its time has come. */
export const planWaitingCall = (
  state: SessionState,
  { run, call }: { readonly run: OpenRun; readonly call: OpenCall },
  { status, now }: { readonly status: Waiting; readonly now: Timestamp },
): WaitingStep => {
  const { callId } = call;
  const { key, until } = status;
  const resumed = { type: "tool-call.resumed", runId: run.runId, callId } as const;
  const signal =
    key === null || !isFirst(run, call, key) ? undefined : state.kept.find((one) => one.key === key);
  if (signal !== undefined)
    return { kind: "resume", header: { ...resumed, by: "signal", signalAt: signal.at } };
  if (until !== null && until <= now)
    return { kind: "resume", header: { ...resumed, by: key === null ? "time" : "timeout", signalAt: null } };
  const wait: Wait =
    key === null ? { kind: "time", callId, until: until ?? now } : { kind: "signal", callId, key, until };
  return { kind: "wait", wait };
};

/** Of several calls that wait for the same, each signal is for the first. */
const isFirst = ({ phase }: OpenRun, call: OpenCall, key: string): boolean =>
  phase.kind === "calling-tools" &&
  phase.calls.find(({ status }) => status.kind === "waiting" && status.key === key)?.callId === call.callId;

/** A `write` that has suspended itself may have done part of what it is to do (E2). */
export const mayHaveActed = ({ policy, status, resumed }: OpenCall): boolean =>
  policy.effect === "write" && (status.kind === "waiting" || resumed !== null);
