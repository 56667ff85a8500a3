import type { LimitRule } from "../core/budget-terms.ts";
import type { Timestamp } from "../core/ids.ts";
import type { RunCaps } from "../core/budget-terms.ts";

/** Whose spending a budget counts: each of them has an account of its own. */
export type BudgetScope = "session" | "user" | "tenant";

/**
 * A limit that many runs share (E8). Accounts are in the store, and the store holds their limits: in the very
 * commit that starts a model call (C15).
 */
export type Budget = RunCaps & {
  readonly name: string;
  readonly scope: BudgetScope;
  /** The one session, user or tenant it is for; null for each of them. */
  readonly of: string | null;
  readonly onLimit: LimitRule;
  readonly onUnknownPrice: "refuse" | "allow";
  /** The name of the period that a time is in, and when it ends; a budget without periods has one that never ends. */
  readonly period: (at: Timestamp) => BudgetPeriod;
};

export type BudgetPeriod = {
  readonly name: string;
  /** When the next one begins. */
  readonly endsAt: () => Timestamp | null;
};
