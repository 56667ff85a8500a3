/** Mutants in which something is broken that the simulation does not see, and what would show it. They count as missed. */
export type NotFoundYet = { readonly id: string; readonly wanted: string };

const each = (wanted: string, ...ids: readonly string[]): readonly NotFoundYet[] =>
  ids.map((id) => ({ id, wanted }));

export const NOT_FOUND_YET: readonly NotFoundYet[] = [
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
    "a rule: who leaves a session to a later version does not ask the store for it again and again",
    "engine/worker.ts: a session of a newer version is left to others",
  ),
];
