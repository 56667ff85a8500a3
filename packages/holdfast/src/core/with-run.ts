import type { OpenRun, SessionState } from "./session-state.ts";

/** The state with its open run changed; the same state when no run is open. */
export const withRun = (state: SessionState, change: (run: OpenRun) => OpenRun): SessionState =>
  state.run === null ? state : { ...state, run: change(state.run) };
