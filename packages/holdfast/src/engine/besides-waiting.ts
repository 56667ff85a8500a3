import type { Effect } from "../core/effect.ts";
import type { CallId } from "../core/ids.ts";
import { LONGEST_HELD_WAIT_MS } from "../core/retry-policy.ts";
import type { OpenCall, OpenRun, SessionState } from "../core/session-state.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";
import { agentFor } from "./undo-call.ts";
import { callsToLookAt, withdrawStale } from "./withdraw-approval.ts";

type Waiting = ReadonlySet<CallId>;

/**
 * What may begin while calls wait for their turn (E7): those take no room from others of their turn. Calls that would
 * only stand behind them in the same line are left out.
 */
export const effectsBeside = async (
  session: ActiveSession,
  batch: Batch,
  waiting: Waiting,
): Promise<readonly Effect[]> => {
  for (;;) {
    const effects = startsOf(session, batch, withoutWaiting(session, batch, waiting));
    const calls = callsToLookAt(session, batch.state, effects);
    // guard E4: an approval is checked again also where its call begins beside one that waits
    if (calls.length === 0 || !(await withdrawStale(session, batch, calls))) return effects;
  }
};

/** The calls that would begin now, were it their turn: for any other that waits there is no room any more. */
export const callsWithRoom = (session: ActiveSession, batch: Batch): Waiting =>
  new Set(
    startsOf(session, batch, batch.state).flatMap((effect) => ("callId" in effect ? [effect.callId] : [])),
  );

const STARTS: ReadonlySet<Effect["kind"]> = new Set(["call-tool", "hand-over"]);

const startsOf = (session: ActiveSession, batch: Batch, state: SessionState): readonly Effect[] =>
  session.services.decide(state, batch.now()).filter(({ kind }) => STARTS.has(kind));

/** The state as if they had been put off. */
const withoutWaiting = (session: ActiveSession, batch: Batch, waiting: Waiting): SessionState => {
  const { state } = batch;
  const { run } = state;
  if (run === null || run.phase.kind !== "calling-tools") return state;
  const lineOf = ({ callId, tool }: OpenCall): string | undefined =>
    agentFor(session, run, callId)?.tools.get(tool)?.limits?.name;
  const all = run.phase.calls;
  const lines = new Set(all.flatMap((call) => (waiting.has(call.callId) ? (lineOf(call) ?? []) : [])));
  const dueAt = batch.now() + LONGEST_HELD_WAIT_MS;
  const calls = all.map((call): OpenCall => {
    if (!MAY_START.has(call.status.kind)) return call;
    const line = lineOf(call);
    return line !== undefined && lines.has(line) ? { ...call, status: { kind: "retrying", dueAt } } : call;
  });
  const phase: OpenRun["phase"] = { ...run.phase, calls };
  return { ...state, run: { ...run, phase } };
};

const MAY_START: ReadonlySet<OpenCall["status"]["kind"]> = new Set(["requested", "retrying", "lost"]);
