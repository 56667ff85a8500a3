import type { EventDraft } from "../core/event.ts";
import { failure } from "../core/failure.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import type { ToolOutput } from "../core/message.ts";
import { openCallOf, type OpenCall } from "../core/session-state.ts";
import { completedPayload, failedByChild } from "../core/settle-tool-call.ts";
import type { Spend } from "../core/usage.ts";
import type { Signal } from "../ports/journal-store.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";
import { interceptorOf } from "./intercept-result.ts";
import { finishCall } from "./tool-entry.ts";
import { parseBody } from "./read-signal.ts";
import type { OutputPlace } from "./tool-attempt.ts";

/** The event that a result becomes which the caller brings for a call it was handed (E1, E3). */
export const readResult = async (
  session: ActiveSession,
  batch: Batch,
  signal: Signal,
): Promise<readonly EventDraft[]> => {
  const { run } = batch.state;
  const { callId, error, output, spent = null, child = null } = parseBody(signal.body);
  const call = typeof callId === "string" ? openCallOf(run, callId) : undefined;
  // guard E1: the first result counts
  if (run === null || call?.status.kind !== "handed-over") return [];
  // guard E1: what another agent is to answer no caller answers
  if (child !== call.status.child) return [];
  // guard E5: a result that comes after the cancel is not used
  if (run.stopping !== null || call.stopping !== null) return [];
  if (typeof error === "string") {
    const message = session.services.redactor.text(error);
    const why = failure("TOOL_FAILED", message, { retryable: false, ...detailsOf(child) });
    return [failedByChild(run.runId, call, { why, spent: spent as Spend | null })];
  }
  const place = await placeOf(session, batch, call);
  const finished = await finishCall(place, output ?? null);
  batch.blobs.push(...(finished.blobs ?? []));
  return [
    {
      header: {
        type: "tool-call.completed",
        runId: run.runId,
        callId: call.callId,
        attempt: call.attempt,
        durationMs: batch.now() - call.status.since,
        chars: finished.chars,
        by: child === null ? "caller" : "agent",
        isCoerced: finished.isCoerced,
        repeats: 1,
        spent: spent as Spend | null,
      },
      payload: completedPayload(finished.output, finished.artifact, finished.artifacts),
    },
  ];
};

const detailsOf = (child: JsonValue): { readonly details?: JsonObject } =>
  child === null ? {} : { details: { sessionId: child } };

const placeOf = async (session: ActiveSession, batch: Batch, call: OpenCall): Promise<OutputPlace> => {
  const { run } = batch.state;
  const { services, id, agent, content } = session;
  const ofCall = { callId: call.callId, fresh: batch.events };
  return {
    services,
    sessionId: id,
    tool: agent.tools.get(call.tool) ?? PLAIN,
    callId: call.callId,
    insteadOf: null,
    edited:
      run !== null && (await content.isChanged(run, ofCall)) ? await content.rawInput(run, ofCall) : null,
    intercept:
      run === null ? null : interceptorOf(session, run, { ...ofCall, tool: agent.tools.get(call.tool) }),
  };
};

/** For a tool that is gone from the definition: its result was checked when it was brought. */
const PLAIN: OutputPlace["tool"] = {
  name: "",
  maxOutputChars: 60_000,
  toOutput: async (result): Promise<ToolOutput> => ({ type: "json", value: result as JsonValue }),
};
