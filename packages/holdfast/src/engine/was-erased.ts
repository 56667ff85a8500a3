import { type CallId, modelCallOf, type SessionId } from "../core/ids.ts";
import { openEvent } from "../core/journal-codec.ts";
import type { EngineServices } from "./services.ts";

type Place = { readonly services: Pick<EngineServices, "store">; readonly sessionId: SessionId };

/** Headers that are read at once. */
const PAGE = 50;

/** Whether the answer that asked for a call is erased: it always has content until then. */
export const wasErased = async ({ services, sessionId }: Place, callId: CallId): Promise<boolean> => {
  const { store } = services;
  const startedAt = modelCallOf(callId);
  for (let after = startedAt; ; after += PAGE) {
    const page = await store.read(sessionId, after, { limit: PAGE, omitPayload: true });
    const answer = page.find((stored) => {
      const { header } = openEvent(stored);
      return header.type === "model-call.completed" && header.startedAt === startedAt;
    });
    if (answer !== undefined) {
      const [whole] = await store.readAt(sessionId, [answer.position]);
      return whole?.payload === null;
    }
    if (page.length < PAGE) return false;
  }
};
