import type { EventDraft } from "../core/event.ts";
import { toFailure } from "../core/failure.ts";
import { isJsonObject } from "../core/json.ts";
import type { Signal } from "../ports/journal-store.ts";
import type { ActiveSession } from "./active-session.ts";
import { recordLate } from "./outcome.ts";
import { parseBody } from "./read-signal.ts";
import { wasErased } from "./was-erased.ts";

type Late = Parameters<typeof recordLate>[0];

/**
 * A late result goes through the mailbox, like everything that comes from outside (E5). Of a call that was erased meanwhile, only
 * that it came.
 */
export const reportLate = async (session: ActiveSession, late: Late): Promise<void> => {
  const { callId, attempt, outcome, runId } = late;
  try {
    const isErased = await wasErased({ services: session.services, sessionId: session.id }, callId);
    const content = isErased ? null : recordLate(late).payload;
    const body = JSON.stringify({ callId, attempt, status: outcome.kind, content });
    const blobs = outcome.kind === "completed" ? (outcome.blobs ?? []) : [];
    await session.services.store.post([
      {
        sessionId: session.id,
        kind: "late",
        dedupeKey: `late:${callId}:${attempt}`,
        runId,
        body,
        // A1: what it saved is not kept, only what its result refers to.
        blobs: blobs.filter(({ digest }) => body.includes(digest)),
      },
    ]);
  } catch (thrown) {
    session.services.logger.warn(`A late result of ${callId} could not be recorded.`, {
      sessionId: session.id,
      failure: toFailure(thrown),
    });
  }
};

/** What a late result becomes. */
export const readLate = async (
  session: ActiveSession,
  { runId, body }: Signal,
): Promise<readonly EventDraft[]> => {
  const { callId, attempt, status, content } = parseBody(body);
  if (runId === null || typeof callId !== "string" || typeof attempt !== "number") return [];
  if (status !== "completed" && status !== "failed") return [];
  const header = { type: "tool-call.late", runId, callId, attempt, status } as const;
  // guard J4: what was said before an erasure does not come back after it
  if (await wasErased({ services: session.services, sessionId: session.id }, callId))
    return [{ header, payload: null }];
  return [{ header, payload: isJsonObject(content) ? content : null }];
};
