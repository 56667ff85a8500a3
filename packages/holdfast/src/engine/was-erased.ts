import type { CallId, SessionId } from "../core/ids.ts";
import type { EngineServices } from "./services.ts";

type Place = { readonly services: Pick<EngineServices, "store">; readonly sessionId: SessionId };

/** The answer that asked for a call always has content, until it is erased. */
export const wasErased = async ({ services, sessionId }: Place, callId: CallId): Promise<boolean> => {
  const askedAt = Number(/call_(\d+)_\d+$/.exec(callId)?.[1] ?? 0);
  const [asked] = await services.store.readAt(sessionId, [askedAt]);
  return asked !== undefined && asked.payload === null;
};
