import { toFailure } from "../core/failure.ts";
import { STATE_VERSION } from "../core/session-state.ts";
import type { ActiveSession } from "./active-session.ts";

/** Opening a session folds at most about this many events. */
const SNAPSHOT_EVERY = 200;

/** Keeps a fold when enough has happened since the last one. It may be lost at any time; nothing waits for it. */
export const maybeSnapshot = async (session: ActiveSession): Promise<void> => {
  const { services } = session;
  const { state, hash } = session.base;
  if (session.isLost || state.position - session.snapshotAt < SNAPSHOT_EVERY) return;
  session.snapshotAt = state.position;
  try {
    await services.store.saveSnapshot(session.id, {
      position: state.position,
      headHash: hash,
      stateVersion: STATE_VERSION,
      state: JSON.stringify(state),
    });
  } catch (thrown) {
    services.logger.debug("A snapshot could not be kept.", {
      sessionId: session.id,
      failure: toFailure(thrown),
    });
  }
};
