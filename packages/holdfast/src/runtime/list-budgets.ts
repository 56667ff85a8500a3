import { fromAccountUnits } from "../core/accounts.ts";
import type { BudgetUnit } from "../core/budget-terms.ts";
import type { Account } from "../ports/journal-store.ts";
import { checkOptions, positiveInteger } from "../definitions/known-options.ts";
import type { RuntimeServices } from "./runtime-services.ts";

/** What one budget has come to: for one session, user or tenant, in one period, in dollars or in tokens. */
export type BudgetAccount = {
  /** Where it is kept; a cursor for the next page. */
  readonly account: string;
  readonly budget: string;
  readonly scope: string;
  /** The session, the tenant, or the tenant and the user. */
  readonly of: readonly string[];
  /** `total`, or the day or month, as 2026-11-29 or 2026-11. */
  readonly period: string;
  readonly unit: BudgetUnit;
  /** Dollars or tokens: of calls that are over. */
  readonly spent: number;
  /** For calls that are under way. */
  readonly reserved: number;
  /** As this runtime has it; null when it does not know the budget. */
  readonly limit: number | null;
};

export type BudgetQuery = {
  /** Of this budget alone. */
  readonly name?: string;
  readonly after?: string;
  /** 50 by default. */
  readonly limit?: number;
};

export const listBudgets = async (
  { store, budgets }: Pick<RuntimeServices, "store" | "budgets">,
  query: BudgetQuery,
): Promise<readonly BudgetAccount[]> => {
  const owner = "budgets";
  checkOptions(query, { owner, known: ["name", "after", "limit"], later: [] });
  const { name, after, limit = 50 } = query;
  const accounts = await store.accounts({
    limit: positiveInteger(owner, "limit", limit),
    ...(after === undefined ? {} : { after }),
    ...(name === undefined ? {} : { prefix: `${encodeURIComponent(name)}/` }),
  });
  return accounts.map((each) => readAccount(each, budgets));
};

const readAccount = (
  { account, total, reserved }: Account,
  budgets: RuntimeServices["budgets"],
): BudgetAccount => {
  const parts = account.split("/").map(decodeURIComponent);
  const [budget = "", scope = "", ...rest] = parts;
  const unit: BudgetUnit = rest.at(-1) === "usd" ? "usd" : "tokens";
  const known = budgets.find((each) => each.name === budget);
  return {
    account,
    budget,
    scope,
    of: rest.slice(0, -2),
    period: rest.at(-2) ?? "",
    unit,
    spent: fromAccountUnits(total - reserved, unit),
    reserved: fromAccountUnits(reserved, unit),
    limit: (unit === "usd" ? known?.maxCostUsd : known?.maxTokens) ?? null,
  };
};
