import type { Timestamp } from "../core/ids.ts";

/**
 * What a duty is about: the next tick of a schedule, telling somebody of an event, what is owed between a session and one it called,
 * what is not called for a while because it keeps failing, or looking after what is kept.
 */
export type DutyKind = "schedule" | "delivery" | "child" | "circuit" | "upkeep";

/**
 * Something that is owed at a time outside the work of any session: a row in the store, found when it is due,
 * changed only by who has seen it last (C17–C19). A million of them cost rows, not memory.
 */
export type Duty = NewDuty & {
  /** Rises by one with every change. */
  readonly revision: number;
};

export type NewDuty = {
  readonly kind: DutyKind;
  /** Of its kind the only one with this id. */
  readonly id: string;
  /** Who can do it, as processes ask for it. */
  readonly assignee: string;
  readonly tenant: string | null;
  /** Of the duties in one lane only the first by `place` is due; null where nothing stands before it. */
  readonly lane: string | null;
  readonly place: number;
  /** When it is owed; null when it is not owed by itself: paused, or given up. */
  readonly dueAt: Timestamp | null;
  /** JSON. */
  readonly body: string;
};

export type DutyChange =
  /** `expect` is the revision that was seen, or null for one that is not there yet. */
  | { readonly kind: "put"; readonly duty: NewDuty; readonly expect: number | null }
  | { readonly kind: "remove"; readonly duty: DutyName; readonly expect: number };

export type DutyName = { readonly kind: DutyKind; readonly id: string };

export type DueDutiesQuery = { readonly assignees: readonly string[]; readonly limit: number };

export type DutyQuery = {
  readonly kind: DutyKind;
  readonly id?: string;
  readonly assignee?: string;
  readonly tenant?: string;
  /** Only those that have a time, or only those that have none. */
  readonly isOwed?: boolean;
  readonly limit: number;
  /** From the page before; pages go from the newest duty to the oldest. */
  readonly cursor?: string;
};

export type DutyPage = { readonly duties: readonly Duty[]; readonly cursor: string | null };

/** When something has to be looked at though nothing arrives; null for never. */
export type NextWake = {
  /** The wake time of a session that nobody holds, or the end of a lease of somebody else's. */
  readonly session: Timestamp | null;
  /** The time of the first duty that nothing stands before. */
  readonly duty: Timestamp | null;
};
