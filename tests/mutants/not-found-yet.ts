/** Mutants in which something is broken that the simulation does not see, and what would show it. They count as missed. */
export type NotFoundYet = { readonly id: string; readonly wanted: string };

const each = (wanted: string, ...ids: readonly string[]): readonly NotFoundYet[] =>
  ids.map((id) => ({ id, wanted }));

export const NOT_FOUND_YET: readonly NotFoundYet[] = [
  ...each(
    "what is posted in such a moment, and a process that nothing else wakes for long: the next look at the store makes up for it",
    "engine/worker.ts: what came in at the last moment is read",
  ),
];
