import type { Timestamp } from "../core/ids.ts";

/** The years that ISO 8601 writes with four digits: clocks say anything, and so does what is brought in from elsewhere. */
const EARLIEST = Date.UTC(1, 0);
const LATEST = Date.UTC(9999, 11, 31);

/** A time in UTC, as models are told it. */
export const isoTime = (at: Timestamp): string =>
  new Date(Math.min(Math.max(at, EARLIEST), LATEST)).toISOString();
