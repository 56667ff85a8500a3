import type { Position, Timestamp } from "./ids.ts";

/** What an event's fold may look at besides its header: where and when it stands. Never the payload (J4). */
export type Place = { readonly position: Position; readonly at: Timestamp };
