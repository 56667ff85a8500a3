/** Mutants in which something is broken that the simulation does not see, and what would show it. They count as missed. */
export type NotFoundYet = { readonly id: string; readonly wanted: string };

const each = (wanted: string, ...ids: readonly string[]): readonly NotFoundYet[] =>
  ids.map((id) => ({ id, wanted }));

export const NOT_FOUND_YET: readonly NotFoundYet[] = [
  ...each(
    "a cancel from one process that reaches the holder before the word of its input, which another posted",
    "engine/active-session.ts: a cancel does not overtake its input",
  ),
  ...each(
    "takeovers that write nothing, and a holder that goes on after one",
    "engine/active-session.ts: a holder whose epoch has passed lets go",
    "engine/commit-batch.ts: another holder has claimed since",
  ),
  ...each(
    "a release whose answer never comes, and an input right after it",
    "engine/active-session.ts: a release that is stored is a release",
  ),
  ...each(
    "a long tool in a holder that thaws after another has taken over",
    "engine/active-session.ts: what runs is stopped when the session is lost",
  ),
  ...each(
    "a process that takes its own session up again while what it had begun there may still be under way",
    "engine/active-session.ts: until its lease has run out",
  ),
  ...each(
    "a commit without events whose answer is lost",
    "engine/commit-batch.ts: a commit without events is never taken for stored",
  ),
  ...each(
    "a lease that runs out between a commit and what it starts, often",
    "engine/advance-session.ts: nothing acts under a lease in doubt",
  ),
  ...each(
    "more followers, and such as join between a commit and its answer",
    "engine/event-stream.ts: no event is passed over",
  ),
  ...each(
    "content that is erased between two inputs",
    "engine/transcript.ts: calls whose content was erased are told of",
  ),
  ...each(
    "inputs that are posted while the session is being opened, or in the moment in which it is let go",
    "engine/worker.ts: what is posted during opening is heard",
    "engine/worker.ts: what came in at the last moment is read",
  ),
  ...each(
    "a rule: what the dead held is taken up before their lease has run out",
    "engine/worker.ts: the sessions of the dead are free",
  ),
  ...each(
    "a rule: who leaves a session to a later version does not ask the store for it again and again",
    "engine/worker.ts: a session of a newer version is left to others",
  ),
];
