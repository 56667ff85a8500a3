/** Mutants in which something is broken that the simulation does not see, and what would show it. They count as missed. */
export type NotFoundYet = { readonly id: string; readonly wanted: string };

export const NOT_FOUND_YET: readonly NotFoundYet[] = [];
