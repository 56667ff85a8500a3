import { failure, toFailure } from "../core/failure.ts";
import { hasBegun } from "../core/has-begun.ts";
import type { OpenCall } from "../core/session-state.ts";
import { closedCall } from "../core/settle-tool-call.ts";
import { isUndoId } from "../core/undo-terms.ts";
import type { Tool } from "../ports/tool.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";
import type { Held } from "./call-turns.ts";
import { recordResult } from "./record-outcomes.ts";
import { agentFor } from "./undo-call.ts";

type OwedCall = { readonly call: OpenCall; readonly tool: string; readonly key: string };

/** A call begins with what it has in its hands then, or waits. */
export type TurnOf = { readonly begins: true; readonly held: readonly Held[] } | { readonly begins: false };

const WAITS: TurnOf = { begins: false };

/**
 * Whether a call begins, or not yet, because as many of its tool's are under way as may be (E7): it is woken when it is
 * its turn, or it is put off in the journal, or it gets that as its result.
 */
export const awaitTurn = async (
  session: ActiveSession,
  batch: Batch,
  { call, tool: name, key }: OwedCall,
): Promise<TurnOf> => {
  const { run } = batch.state;
  const tool = run === null ? undefined : agentFor(session, run, call.callId)?.tools.get(name);
  if (run === null || tool?.limits === undefined) return { begins: true, held: [] };
  const { limits } = tool;
  const { turn, leave, giveWay } = session.services.lines.ask({
    limits,
    whose: await whoseTurn(session, tool),
    ticket: `${session.id}:${key}`,
    mayRefuse: mayRefuse(call),
    wake: () => session.latch.set(),
  });
  const { runId } = run;
  const { callId } = call;
  const held = { callId, leave, giveWay };
  switch (turn.kind) {
    case "begins":
      session.turns.hold(key, held);
      return { begins: true, held: [held] };
    case "waits":
      session.turns.wait(key, held);
      return WAITS;
    case "steps-aside": {
      session.turns.forget(key);
      const until = batch.now() + turn.forMs;
      batch.add({ header: { type: "tool-call.deferred", runId, callId, until }, payload: null });
      break;
    }
    case "waited-too-long": {
      const message = `${name} was not called: for ${limits.maxWaitMs} ms as many calls of it were under way as may be. Go on without it, or try again later.`;
      const why = failure("TOOL_BUSY", message, { details: { limit: limits.name } });
      await recordResult(session, batch, closedCall(runId, call, why));
    }
  }
  session.latch.set();
  return WAITS;
};

/** What may have happened already is not said not to have been called (E2), and what is to be undone waits for as long as it takes (E10). */
const mayRefuse = (call: OpenCall): boolean =>
  /* guard E10: an undo waits for its turn however long that takes */ !isUndoId(call.callId) &&
  /* guard E2: what may have happened waits for its turn however long that takes */ (call.policy.effect ===
    "read" ||
    (!hasBegun(call) && call.resumed === null));

/** Whose calls it is counted with. */
const whoseTurn = async (session: ActiveSession, { name, limits }: Tool): Promise<string> => {
  if (limits === undefined || limits.per === null) return "";
  try {
    return String(limits.per(await session.content.context()));
  } catch (thrown) {
    session.services.logger.warn(
      `Tool ${name} could not say whose limit a call counts for: it counts for nobody's.`,
      {
        sessionId: session.id,
        failure: toFailure(thrown),
      },
    );
    return "";
  }
};
