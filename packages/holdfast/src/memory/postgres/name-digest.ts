import { digest } from "../memory-slot.ts";

/** A tenant, an owner, a namespace as the tables have it. */
export const keyDigest = (name: string | null): string => digest([name]);

/** A name that may be missing. */
export const nameDigest = (name: string | null): string | null => (name === null ? null : digest([name]));
