import { ConfigurationError, NotFoundError } from "../core/errors.ts";
import type { CallId, RunId, SessionId } from "../core/ids.ts";
import type { JsonObject } from "../core/json.ts";
import { checkOptions } from "../definitions/known-options.ts";
import type { OpenCall, SessionState } from "../core/session-state.ts";

export type CancelOptions = {
  /** Why, for the journal. */
  readonly reason?: string;
  /** What becomes of what was said: `interrupt` keeps it (default), `rollback` takes it out of the conversation. */
  readonly mode?: "interrupt" | "rollback";
};

export const checkCancel = (options: CancelOptions): void => {
  checkOptions(options, { owner: "cancel", known: ["reason", "mode"], later: [] });
  if (options.mode === undefined || options.mode === "interrupt" || options.mode === "rollback") return;
  throw new ConfigurationError("OPTION_INVALID", 'cancel: "mode" must be "interrupt" or "rollback".');
};

type Stop = { readonly runId: RunId; readonly body: JsonObject };

const openCalls = ({ run }: SessionState): readonly OpenCall[] =>
  run?.phase.kind === "calling-tools" ? run.phase.calls : [];

/** Those whose outcome nobody knows are not waited for any more: they were waiting when it was asked. */
const waiting = (calls: readonly OpenCall[]): readonly CallId[] =>
  calls.flatMap(({ callId, status }) => (status.kind === "unknown" ? [callId] : []));

/** @throws NotFoundError when the open run has no such call. */
export const stopOfCall = (state: SessionState, sessionId: SessionId, callId: CallId): Stop => {
  const call = openCalls(state).find((open) => open.callId === callId);
  if (state.run === null || call === undefined) throw callNotFound(sessionId, callId);
  return { runId: state.run.runId, body: { callId, giveUp: waiting([call]) } };
};

/** Null where no run is open. */
export const stopOfTurn = (state: SessionState): Stop | null => {
  const { run } = state;
  if (run === null) return null;
  const turn = run.phase.kind === "ready" ? run.phase.turn : run.turn;
  return { runId: run.runId, body: { turn, giveUp: waiting(openCalls(state)) } };
};

export const callNotFound = (sessionId: SessionId, callId: CallId): NotFoundError =>
  new NotFoundError("CALL_NOT_FOUND", `Session ${sessionId} has no open call ${callId}.`, {
    hint: "`holdfast sessions show` lists the calls that are open.",
    details: { sessionId, callId },
  });
