import type { EventDraft } from "../core/event.ts";
import { openCallOf } from "../core/session-state.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";
import { unlessErased } from "./call-summary.ts";
import { fallBack } from "./fall-back.ts";
import { recordOutcome, type Outcome } from "./outcome.ts";

/** Puts what came back into the batch, and answers which that were. */
export const recordOutcomes = async (session: ActiveSession, batch: Batch): Promise<readonly Outcome[]> => {
  const recorded = [...session.outcomes];
  session.repeats.begin();
  for (const outcome of recorded) {
    const place = { sessionId: session.id, now: batch.now() };
    const known = outcome.kind === "summary" ? await unlessErased(session, outcome) : outcome;
    for (const draft of recordOutcome(batch.state, known, place)) {
      if (hasFallback(session, batch, draft)) await recordResult(session, batch, draft);
      else await addCounted(session, batch, draft);
    }
  }
  return recorded;
};

/** Puts a result into the batch, or what takes its place, and how often in a row it has come (E8). */
export const recordResult = async (
  session: ActiveSession,
  batch: Batch,
  draft: EventDraft,
): Promise<void> => {
  for (const each of await fallBack(session, batch, draft)) await addCounted(session, batch, each);
};

const addCounted = async (session: ActiveSession, batch: Batch, draft: EventDraft): Promise<void> => {
  // What is at hand is not waited for: nothing gets in between.
  const missing = session.repeats.missing(batch, draft);
  const read = missing.length === 0 ? undefined : await session.content.eventsAt(missing);
  batch.add(session.repeats.count(batch, draft, read));
};

const hasFallback = (session: ActiveSession, { state }: Batch, { header }: EventDraft): boolean => {
  if (!("callId" in header)) return false;
  const call = openCallOf(state.run, header.callId);
  return (
    call !== undefined && session.agent.tools.get(call.insteadOf?.tool ?? call.tool)?.fallback !== undefined
  );
};
