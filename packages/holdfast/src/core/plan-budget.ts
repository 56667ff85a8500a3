import {
  PARENT_BUDGET,
  RUN_BUDGET,
  type AfterRefusal,
  type BudgetShortage,
  type OnLimit,
} from "./budget-terms.ts";
import { fitCall, type CallFit } from "./budget.ts";
import type { Effect } from "./effect.ts";
import { handedTo } from "./hand-off-terms.ts";
import type { AccountShortage } from "./accounts.ts";
import type { EventDraft } from "./event.ts";
import { failure, type Failure } from "./failure.ts";
import type { RunId, Timestamp } from "./ids.ts";
import type { JsonValue } from "./json.ts";
import { NOTHING_OWED, owes, type Owed } from "./owed.ts";
import { nextAttemptAt, type RetryPolicy } from "./retry-policy.ts";
import type { OpenRun, Phase, SessionState } from "./session-state.ts";
import type { Wait } from "./wait.ts";

/** The model call that is owed. */
export type CallOwed = {
  readonly turn: number;
  readonly attempt: number;
  readonly candidate: number;
};

/**
 * What a run's budgets say to the next model call: null when it may be made (E8). The limits of the run
 * itself are checked here; those of accounts by the store, in the commit that starts the call.
 */
export const planBudget = (
  state: SessionState,
  run: OpenRun,
  { phase, now }: { readonly phase: Phase & { kind: "ready" }; readonly now: Timestamp },
): Owed | null => {
  const { asking, leavingFor } = run.budget;
  // guard E8: a run that asks for more waits for it
  if (asking !== null && (asking.until === null || now < asking.until))
    return { ...NOTHING_OWED, waits: [waitFor(asking)] };
  // guard E8: what does not fit another agent goes on with
  if (leavingFor !== null) return owes({ kind: "hand-off-run", agent: leavingFor.agent });
  const fit = fitCall(state, run, phase.candidate);
  // guard E8: a call that does not fit its run is not made
  if (!fit.fits) return owes(refuse(run, phase, fit));
  return null;
};

const refuse = (run: OpenRun, phase: CallOwed, { shortage, cheaper }: CallFit & { fits: false }): Effect => {
  const onLimit = run.settings.budget?.onLimit ?? "stop";
  const next = afterShortage(onLimit, { cheaper, until: null });
  return { kind: "record", draft: refusedCall(run, phase, { shortage, next }) };
};

const waitFor = ({ until, ...asked }: BudgetShortage & { readonly until: Timestamp | null }): Wait =>
  until === null ? { kind: "budget", ...asked } : { kind: "budget-period", ...asked, until };

/** What a rule makes of a call that does not fit: where there is no cheaper model, degrading stops. */
const afterShortage = (
  onLimit: OnLimit,
  { cheaper, until }: { readonly cheaper: number | null; readonly until: Timestamp | null },
): AfterRefusal => {
  if (onLimit === "ask") return { kind: "ask", until };
  const agent = handedTo(onLimit);
  if (agent !== null) return { kind: "hand-off", agent };
  return onLimit === "degrade" && cheaper !== null
    ? { kind: "degrade", candidate: cheaper }
    : { kind: "stop" };
};

/** A call that an account had no room for, until that is journaled. */
export type RefusedCall = CallOwed & {
  readonly runId: RunId;
  readonly shortage: AccountShortage;
  /** Whether it was the summary that comes before it. */
  readonly isSummary: boolean;
};

/** How often a call waits for what others have set aside: some seven minutes, more than any of their calls may take. */
const MAX_WAITS = 20;
const WAITS: RetryPolicy = { maxAttempts: MAX_WAITS, initialDelayMs: 250, maxDelayMs: 30_000 };

/** What goes on at once need not wait for what others may give back. */
const GOES_ON: ReadonlySet<AfterRefusal["kind"]> = new Set(["degrade", "hand-off"]);

/** What comes of a call that an account has no room for: what others only hold is waited for, for a while. */
export const afterAccountShortage = (
  run: OpenRun,
  why: {
    readonly onLimit: OnLimit;
    readonly isPassing: boolean;
    readonly cheaper: number | null;
    readonly until: Timestamp | null;
    readonly now: Timestamp;
    readonly seed: string;
  },
): AfterRefusal => {
  const next = afterShortage(why.onLimit, why);
  const seed = `${why.seed}:${run.turn}:budget`;
  const dueAt = nextAttemptAt(WAITS, run.budget.waits + 1, { now: why.now, seed });
  // guard E8: what others have set aside may come back
  if (why.isPassing && !GOES_ON.has(next.kind) && dueAt !== null) return { kind: "wait", dueAt };
  return next;
};

/** The event that says that a call is not made, and what comes of that. */
export const refusedCall = (
  run: OpenRun,
  { turn, attempt, candidate }: CallOwed,
  { shortage, next }: { readonly shortage: BudgetShortage; readonly next: AfterRefusal },
): EventDraft => ({
  header: { type: "budget.refused", runId: run.runId, turn, attempt, candidate, ...shortage, next },
  payload: next.kind === "stop" ? { failure: exceeded(shortage) as JsonValue } : null,
});

/** The run was to be handed over for want of money, and could not be: so it ends. */
export const cannotLeave = (
  run: OpenRun,
  call: CallOwed,
  { left, why }: { readonly left: BudgetShortage & { readonly agent: string }; readonly why: Failure },
): EventDraft => {
  const { agent, ...shortage } = left;
  const { header } = refusedCall(run, call, { shortage, next: { kind: "stop" } });
  const { message, ...ended } = exceeded(shortage);
  const more = `${message} It was to be handed over to agent "${agent}": ${why.message}`;
  return { header, payload: { failure: { ...ended, message: more } as JsonValue } };
};

/** Limits that no author has named. */
const NAMED: { readonly [budget: string]: string } = {
  [RUN_BUDGET]: "the limit of this run",
  [PARENT_BUDGET]: "what is left to the run that called this agent",
};

const exceeded = (shortage: BudgetShortage): ReturnType<typeof failure> => {
  const { budget, unit, limit, spent, needed } = shortage;
  const what = NAMED[budget] ?? `budget "${budget}"`;
  const words = unit === "usd" ? inDollars : inTokens;
  return failure(
    "BUDGET_EXCEEDED",
    `The next model call may come to ${words(needed)}; of ${what}, ${words(limit)}, ${words(spent)} are spent or set aside.`,
    { retryable: false, hint: HINT, details: { budget, unit, limit, spent, needed } },
  );
};

const HINT =
  'Raise the limit, lower settings.maxOutputTokens, or let the run go on another way: onLimit "degrade", "ask" or { handOffTo }.';

const inDollars = (usd: number): string => `${Number(usd.toPrecision(4))} US dollars`;
const inTokens = (tokens: number): string => `${tokens} tokens`;
