import type { BudgetShortage, BudgetUnit, ReservedAccount } from "./budget-terms.ts";
import { raisedBy } from "./budget.ts";
import type { JournalEvent } from "./event.ts";
import type { Position, SessionId } from "./ids.ts";
import type { OpenRun, SessionState } from "./session-state.ts";
import type { Charge } from "./usage.ts";

/** Accounts count money in billionths of a dollar: whole numbers add up exactly, up to nine million dollars. */
const UNITS_PER_USD = 1_000_000_000;

/** What is spent, in the units of accounts: never less than it is. */
export const toAccountUnits = (amount: number, unit: BudgetUnit): number =>
  unit === "usd" ? Math.ceil(roundAway(amount * UNITS_PER_USD)) : amount;

/** A limit, in the units of accounts. */
export const toAccountLimit = (limit: number, unit: BudgetUnit): number =>
  unit === "usd" ? Math.floor(roundAway(limit * UNITS_PER_USD)) : limit;

/** Dollars or tokens again. */
export const fromAccountUnits = (amount: number, unit: BudgetUnit): number =>
  unit === "usd" ? amount / UNITS_PER_USD : amount;

/** Without the noise of fractions: 0.3 is three tenths. */
const roundAway = (amount: number): number => Number(amount.toPrecision(15));

/** The id of what is set aside for a model call: its session and where its start stands. One attempt, one id. */
export const reservationId = (sessionId: SessionId, startedAt: Position): string =>
  `${sessionId}:${startedAt}`;

/** What a settled call gives back to one account: `held` was set aside, `amount` was spent. */
export type AccountSettlement = {
  readonly id: string;
  readonly account: string;
  readonly amount: number;
  readonly held: number;
};

/**
 * What events settle of what a session had set aside: from the journal alone, so that each call is settled once,
 * by whoever records how it ended, in that commit (E8).
 */
export const settlementsOf = (
  sessionId: SessionId,
  before: SessionState,
  events: readonly JournalEvent[],
): readonly AccountSettlement[] => {
  const phase = before.run?.phase;
  if (phase?.kind !== "calling-model" && phase?.kind !== "summarising") return [];
  const { position, reserved } = phase.call;
  if (reserved === null) return [];
  const end = events.find(({ header }) => "charge" in header && header.startedAt === position);
  if (end === undefined || !("charge" in end.header)) return [];
  const { charge } = end.header;
  return reserved.accounts.map(({ account, unit, amount: held }) => ({
    id: reservationId(sessionId, position),
    account,
    amount: toAccountUnits(chargeIn(charge, unit), unit),
    held,
  }));
};

const chargeIn = ({ costUsd, usage }: Charge, unit: BudgetUnit): number =>
  unit === "usd" ? (costUsd ?? 0) : usage.inputTokens + usage.outputTokens;

/** A limit that a call is held against, as the store knows it. */
export type AccountLimit = ReservedAccount & {
  readonly budget: string;
  /** In the units of accounts, raises included. */
  readonly limit: number;
};

/** The limit of a budget for a run, in the units of accounts. */
export const accountLimit = (
  run: OpenRun,
  { name, unit, limit }: { readonly name: string; readonly unit: BudgetUnit; readonly limit: number },
): number => toAccountLimit(limit + raisedBy(run, name, unit), unit);

/** An account that had no room for a call. */
export type AccountShortage = BudgetShortage & {
  /** There would be room, if others spent nothing of what they have set aside. */
  readonly isPassing: boolean;
};

/** Which account has no room, by what the store says of them; null when each has by now. */
export const findShortage = (
  limits: readonly AccountLimit[],
  accounts: readonly { readonly account: string; readonly total: number; readonly reserved: number }[],
  settled: readonly AccountSettlement[],
): AccountShortage | null => {
  for (const { account, budget, unit, amount, limit } of limits) {
    const found = accounts.find((each) => each.account === account);
    const given = settled.filter((each) => each.account === account);
    const back = given.reduce((sum, each) => sum + each.held - each.amount, 0);
    const own = given.reduce((sum, each) => sum + each.held, 0);
    const total = (found?.total ?? 0) - back;
    if (total + amount <= limit) continue;
    return {
      budget,
      unit,
      limit: fromAccountUnits(limit, unit),
      spent: fromAccountUnits(total, unit),
      needed: fromAccountUnits(amount, unit),
      isPassing: total - ((found?.reserved ?? 0) - own) + amount <= limit,
    };
  }
  return null;
};
