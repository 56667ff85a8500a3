import { toFailure } from "../core/failure.ts";
import { STATE_VERSION, type SessionState } from "../core/session-state.ts";
import type { ActiveSession } from "./active-session.ts";

/** Opening a session folds at most about this many events, or as many as its state has entries. */
const SNAPSHOT_EVERY = 200;

/**
 * A snapshot costs what the state is long, so a long state is kept less often: what an event costs does not
 * grow with the calls that one answer asks for, or with the window.
 */
const snapshotEvery = ({ run, window }: SessionState): number =>
  Math.max(
    SNAPSHOT_EVERY,
    window.length + (run?.phase.kind === "calling-tools" ? run.phase.calls.length : 0),
  );

/** Keeps a fold when enough has happened since the last one. It may be lost at any time; nothing waits for it. */
export const maybeSnapshot = async (session: ActiveSession): Promise<void> => {
  const { services } = session;
  const { state, hash } = session.base;
  if (
    /* guard J2: who has lost a session keeps no snapshot */ session.isLost ||
    state.position - session.snapshotAt < snapshotEvery(state)
  )
    return;
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
