/** Mutants in which something is broken that the simulation does not see, and what would show it. They count as missed. */
export type NotFoundYet = { readonly id: string; readonly wanted: string };

const each = (wanted: string, ...ids: readonly string[]): readonly NotFoundYet[] =>
  ids.map((id) => ({ id, wanted }));

export const NOT_FOUND_YET: readonly NotFoundYet[] = [
  ...each(
    "a call that is cancelled in a paused session while another is in flight, and a rule that it gets its result at once",
    "core/plan.ts: a call that was cancelled gets its result also where nothing else may happen",
  ),
  ...each(
    "a process that dies less than five seconds before a verification; the sequences of tests/model found it",
    "engine/advance-session.ts: nothing is verified before the session is ours",
  ),
  ...each(
    "an input whose first posting is stored and not answered, and a session that is at work for long when it is handed in again",
    "runtime/create-runtime.ts: what is handed in again is looked for",
  ),
  ...each(
    "a conversation whose reading outlasts its run: a cancel, and the next run's call, while the journal is being read",
    "engine/session-content.ts: a conversation that was read too slowly is not kept",
  ),
  ...each(
    "a lease that is found to be lost while the session is being looked at, and let go by its taker before that look is over",
    "engine/active-session.ts: what is lost is not taken up again by looking at it",
  ),
];
