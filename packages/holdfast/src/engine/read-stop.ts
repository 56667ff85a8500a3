import type { EventDraft } from "../core/event.ts";
import type { CallId, RunId } from "../core/ids.ts";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import type { OpenCall, OpenRun, SessionState } from "../core/session-state.ts";
import type { Signal } from "../ports/journal-store.ts";

/** What a signal of kind `cancel-call` stops: one call, or all there is of a turn. */
type Stop = {
  readonly callId: CallId | null;
  readonly turn: number | null;
  /** Calls of unknown outcome that are not to be waited for any more. */
  readonly giveUp: readonly string[];
};

const readStop = ({ callId, turn, giveUp }: JsonObject): Stop => ({
  callId: typeof callId === "string" ? callId : null,
  turn: typeof turn === "number" ? turn : null,
  giveUp: Array.isArray(giveUp) ? giveUp.filter((one) => typeof one === "string") : [],
});

/** Whether an unread signal stops this call of the run, or, without a call, its model call (E5). */
export const stops = (signal: Signal, run: OpenRun | null, callId: CallId | null): boolean => {
  if (signal.kind !== "cancel-call" || run?.runId !== signal.runId) return false;
  const body: unknown = JSON.parse(signal.body);
  const stop = readStop(isJsonObject(body) ? body : {});
  // guard E10: what is being undone is not stopped with its turn
  if (run.undoing !== null && stop.turn !== null) return false;
  return stop.turn === null ? callId !== null && stop.callId === callId : stop.turn === turnOf(run);
};

const turnOf = ({ phase, turn }: OpenRun): number => {
  if (phase.kind === "summarising") return phase.next.turn;
  return phase.kind === "ready" ? phase.turn : turn;
};

/** The events that stopping single calls becomes: each is noted, once; a turn without calls takes its run with it. */
export const readStopped = (
  { run }: SessionState,
  runId: RunId | null,
  body: JsonObject,
): readonly EventDraft[] => {
  if (run === null || run.runId !== runId || run.stopping !== null) return [];
  const stop = readStop(body);
  if (run.phase.kind === "calling-tools") {
    const isTurn = run.undoing === null && stop.turn === run.turn;
    return run.phase.calls
      .filter((call) => isTurn || call.callId === stop.callId)
      .flatMap((call) => stopCall(run, call, stop));
  }
  if (stop.turn !== turnOf(run) || !endsWithTurn(run)) return [];
  return [{ header: { type: "run.cancel-requested", runId: run.runId, mode: "interrupt" }, payload: body }];
};

/** Asked the same again a model would say the same: a turn that is stopped before its answer ends the run. */
const endsWithTurn = ({ phase }: OpenRun): boolean =>
  phase.kind === "ready" ||
  phase.kind === "summarising" ||
  phase.kind === "calling-model" ||
  (phase.kind === "failing" && phase.code === "MODEL_CALL_CANCELLED");

const stopCall = (run: OpenRun, call: OpenCall, { giveUp }: Stop): readonly EventDraft[] => {
  const isGivenUp = call.status.kind === "unknown" && giveUp.includes(call.callId);
  if (call.stopping === "given-up" || (call.stopping !== null && !isGivenUp)) return [];
  const { callId } = call;
  return [
    { header: { type: "tool-call.cancel-requested", runId: run.runId, callId, isGivenUp }, payload: null },
  ];
};
