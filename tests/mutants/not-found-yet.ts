/** Mutants in which something is broken that the simulation does not see, and what would show it. They count as missed. */
export type NotFoundYet = { readonly id: string; readonly wanted: string };

const each = (wanted: string, ...ids: readonly string[]): readonly NotFoundYet[] =>
  ids.map((id) => ({ id, wanted }));

export const NOT_FOUND_YET: readonly NotFoundYet[] = [
  ...each(
    "a store that gives back damaged events: a changed byte in a header or a payload, an end that is missing",
    "core/journal-codec.ts: an envelope fits its place",
    "core/journal-codec.ts: a header that was changed is found",
    "core/journal-codec.ts: content that was changed is found",
  ),
  ...each(
    "a newer version that writes events of a kind or a version that this one does not know",
    "core/journal-codec.ts: an event of a newer version is not opened",
    "core/reduce.ts: an event of an unknown kind stops the fold",
  ),
];
