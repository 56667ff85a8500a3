import type { BudgetOptions } from "holdfast";

/** What all sessions of a tenant may spend together, in whatever process. */
export const TENANT_BUDGET: BudgetOptions = {
  name: "tenant-day",
  scope: "tenant",
  period: "day",
  timeZone: "Europe/Paris",
  maxCostUsd: 0.25,
};
