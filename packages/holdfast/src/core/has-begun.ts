/** Attempts at a call so far, and those of the tool in whose place it is called, where it is. */
type Attempts = { readonly attempt: number; readonly insteadOf: { readonly attempts: number } | null };

/**
 * Whether an attempt of the tool that is called now has ever begun. Attempts of one in whose place it is called do not
 * count: that one surely did nothing.
 */
export const hasBegun = ({ attempt, insteadOf }: Attempts): boolean => attempt > (insteadOf?.attempts ?? 0);
