import type { Timestamp } from "./ids.ts";

/** What a run may cost. Null is no limit. */
export type RunCaps = {
  readonly maxCostUsd: number | null;
  readonly maxTokens: number | null;
};

/** What is done when a call does not fit a budget: end the run, go to a cheaper model, or wait for somebody. */
export const LIMIT_RULES = ["stop", "degrade", "ask"] as const;
export type LimitRule = (typeof LIMIT_RULES)[number];

/** The same for a run's own limits; it can also be handed over to the agent that is named. */
export type OnLimit = LimitRule | `handoff:${string}`;

/** What budgets are counted in. */
export type BudgetUnit = "usd" | "tokens";

/** The most that one token of a model can cost, in US dollars; null where no price is known. */
export type TokenRates = { readonly input: number; readonly output: number };

/** What a run needs to know to reckon the worst case of a call; journaled with its start (E8). */
export type RunBudget = RunCaps & {
  readonly onLimit: OnLimit;
  /** Characters that every prompt has beside the conversation: instructions, tools, output schema. */
  readonly promptChars: number;
  /** For each of the candidates, in their order. */
  readonly models: readonly {
    readonly rates: TokenRates | null;
    readonly maxOutputTokens: number;
  }[];
  /** The same of the model that sums up; absent where none does, or its price is not known. */
  readonly summaryRates?: TokenRates;
};

/** One account that a call has taken from, until it is settled. */
export type ReservedAccount = {
  readonly account: string;
  readonly unit: BudgetUnit;
  /** Tokens, or billionths of a US dollar. */
  readonly amount: number;
};

/** The worst that a model call can come to, set aside before it is made (E8). */
export type Reserved = {
  readonly inputTokens: number;
  /** The most the model is asked to write. */
  readonly outputTokens: number;
  /** US dollars; null where no price is known and the run was allowed to go on without. */
  readonly costUsd: number | null;
  /** True when the model is asked for less than usual, because the rest of a budget pays for no more. */
  readonly isLowered: boolean;
  readonly accounts: readonly ReservedAccount[];
};

/** Why a call was not made. */
export type BudgetShortage = {
  /** `run` for the run's own limits, else the name of a budget of the runtime. */
  readonly budget: string;
  readonly unit: BudgetUnit;
  /** Dollars or tokens. */
  readonly limit: number;
  readonly spent: number;
  readonly needed: number;
};

/** What comes of a call that does not fit. Decided once, when that is recorded. */
export type AfterRefusal =
  | { readonly kind: "stop" }
  | { readonly kind: "degrade"; readonly candidate: number }
  /** Another agent goes on with the run, within what is left. */
  | { readonly kind: "hand-off"; readonly agent: string }
  /** Others have set aside what will do when they give it back. */
  | { readonly kind: "wait"; readonly dueAt: Timestamp }
  /** Until somebody raises the limit; with `until`, or until the budget's next period begins. */
  | { readonly kind: "ask"; readonly until: Timestamp | null };

/** What was added to limits of one run by people, by the name of the budget. */
export type Raise = { readonly budget: string; readonly usd: number; readonly tokens: number };

/** What a run remembers of its budgets. */
export type BudgetStanding = {
  readonly raised: readonly Raise[];
  /** What somebody is asked for. */
  readonly asking: (BudgetShortage & { readonly until: Timestamp | null }) | null;
  /** The agent that the run is about to be handed over to, and for want of what; null for none. */
  readonly leavingFor: (BudgetShortage & { readonly agent: string }) | null;
  /** Times in a row that a call waited for what others had set aside. */
  readonly waits: number;
  /** The last prompt whose length a provider has told, and what it was made of. */
  readonly measured: Measured | null;
  /** What had been spent when the run first called an agent: from then on the rest is shared; null before. */
  readonly sharedSince: { readonly usd: number; readonly tokens: number } | null;
};

/** A prompt's length in tokens, as the provider of `candidate` counted it. */
export type Measured = {
  readonly candidate: number;
  readonly tokens: number;
  readonly chars: number;
  readonly entries: number;
};

export const UNTOUCHED: BudgetStanding = {
  raised: [],
  asking: null,
  leavingFor: null,
  waits: 0,
  measured: null,
  sharedSince: null,
};

/** The name under which a run's own limits are spoken of. */
export const RUN_BUDGET = "run";
/** The same of the limits of the runs above it. */
export const PARENT_BUDGET = "parent";
