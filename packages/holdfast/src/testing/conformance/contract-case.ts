import { AssertionError } from "node:assert";
import type { Clock } from "../../ports/clock.ts";
import type { JournalStore } from "../../ports/journal-store.ts";

/** A clock the suite moves: `createManualClock` makes one. */
export type SteppedClock = Clock & { advance(ms: number): Promise<void> };

/** One line of a contract and how it is tried; give it to any test runner. */
export type ContractCase = {
  /** The numbers of the contract's lines, for example `C3`. */
  readonly promise: string;
  readonly title: string;
  readonly run: () => Promise<void>;
};

/** What a store may lack, if it says so. */
export type StoreCapability =
  /** Data outlives the store that wrote it. */
  | "durability"
  /** Two stores, as of two processes, work on the same data. */
  | "sharing"
  | "backup";

/** A store under test, fresh and empty. */
export type StoreSubject = {
  readonly store: JournalStore;
  /** The store's clock. */
  readonly clock: SteppedClock;
  /** Closes the store and opens its data again: needs `durability`. */
  readonly reopen?: () => Promise<JournalStore>;
  /**
   * Opens a second store on the same data, as another process would: needs `sharing`. That process may be of
   * another version of the journal (C16).
   */
  readonly attach?: (journalVersion?: number) => Promise<JournalStore>;
  /** Backs the store up and opens the copy: needs `backup`. */
  readonly restore?: () => Promise<JournalStore>;
  readonly dispose: () => Promise<void>;
};

/** Gives what a case needs of the subject; fails when it is not there. */
export const need = <Name extends "reopen" | "attach" | "restore">(
  subject: StoreSubject,
  name: Name,
): NonNullable<StoreSubject[Name]> => {
  const found = subject[name];
  if (found !== undefined) return found;
  throw new AssertionError({
    message: `The subject has no "${name}" and does not declare that it lacks it.`,
  });
};

/** A case before it knows its store. */
export type StoreCase = {
  readonly promise: string;
  readonly title: string;
  readonly needs?: StoreCapability;
  readonly run: (subject: StoreSubject) => Promise<void>;
};
