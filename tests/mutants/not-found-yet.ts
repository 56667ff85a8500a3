/**
 * Mutants in which something is broken that the simulation does not see, or not within seconds, and what would show it.
 * They count as missed. Only the quick draw of `--quick` leaves them out: there everything drawn has to be found.
 */
export type NotFoundYet = { readonly id: string; readonly wanted: string };

export const NOT_FOUND_YET: readonly NotFoundYet[] = [];
