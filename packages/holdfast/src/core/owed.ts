import type { Effect } from "./effect.ts";
import type { EventType, HeaderOf } from "./event.ts";
import type { Wait } from "./wait.ts";

/** What a part of the plan owes: things to do now, and what the rest of it is waiting for. */
export type Owed = {
  readonly effects: readonly Effect[];
  readonly waits: readonly Wait[];
  /** True while something is in flight, so that the run need not suspend. */
  readonly isBusy: boolean;
};

export const NOTHING_OWED: Owed = { effects: [], waits: [], isBusy: false };

export const owes = (...effects: readonly Effect[]): Owed => ({ ...NOTHING_OWED, effects });

/** A decision that needs no content. */
export const record = <Type extends EventType>(header: HeaderOf<Type>): Effect => ({
  kind: "record",
  draft: { header, payload: null },
});
