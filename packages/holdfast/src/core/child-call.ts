import type { BudgetUnit } from "./budget-terms.ts";
import type { CallId, RunId, SessionId } from "./ids.ts";

/**
 * A call that another agent answers, in a session of its own. The parent is handed over and suspends, as for a call
 * that its caller runs; what has to be done between the two sessions is an errand, stored in the commit that owes it.
 */
const PREFIX = "agent:";

/** The policy's word for a tool that is an agent. */
export const runBy = (agent: string): `agent:${string}` => `${PREFIX}${agent}`;

/** The agent that answers calls of this tool; null for any other tool. */
export const childAgentOf = ({ by }: { readonly by: string }): string | null =>
  by.startsWith(PREFIX) ? by.slice(PREFIX.length) : null;

/**
 * How many agents may have called one another, in a row, when the last of them calls yet another one. An agent that
 * calls itself would go on for ever; nobody has shown a use for more than four or five.
 */
export const MAX_DEPTH = 8;

/** On whose behalf a run is done: the call of another session that it answers. */
export type CalledBy = {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  readonly callId: CallId;
  /** 1 for a run that was called by one that nobody called. */
  readonly depth: number;
  /** The session that all of it is for: budgets of a session are those of this one. */
  readonly root: SessionId;
  /** What the runs above may still spend: each call of this one takes from these accounts as well (E8). */
  readonly accounts: readonly InheritedLimit[];
};

/** An account that all runs below one run share, and its limit in the units of accounts. */
export type InheritedLimit = {
  readonly account: string;
  readonly unit: BudgetUnit;
  readonly limit: number;
};
