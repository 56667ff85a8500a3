import { accountLimit, reservationId, toAccountUnits, type AccountLimit } from "../core/accounts.ts";
import { findShortage, settlementsOf } from "../core/accounts.ts";
import { type BudgetUnit, type Reserved } from "../core/budget-terms.ts";
import { cheaperCandidate } from "../core/budget.ts";
import type { Effect } from "../core/effect.ts";
import type { Position, Timestamp } from "../core/ids.ts";
import { afterAccountShortage, refusedCall } from "../core/plan-budget.ts";
import type { OpenRun } from "../core/session-state.ts";
import type { Budget } from "../ports/budget.ts";
import type { Reservation } from "../ports/journal-store.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";

/** The budgets of this runtime that count what a session spends. */
export const budgetsFor = ({ services, content, id }: ActiveSession): readonly Budget[] =>
  services.budgets.filter((budget) => {
    const key = keyOf(budget, { ...content.owner, session: id });
    return key !== null && (budget.of === null || budget.of === key);
  });

type Owner = { readonly tenant: string | null; readonly user: string | null; readonly session: string };

/** Users are those of a tenant: the same name in another one is somebody else. */
const keyOf = ({ scope }: Budget, owner: Owner): string | null => owner[scope];

const UNITS = ["usd", "tokens"] as const;

/** What a call takes from which accounts, and their limits. */
export const accountsFor = (
  session: ActiveSession,
  run: OpenRun,
  { reserved, at }: { readonly reserved: Reserved; readonly at: Timestamp },
): readonly AccountLimit[] =>
  budgetsFor(session).flatMap((budget) =>
    UNITS.flatMap((unit): readonly AccountLimit[] => {
      const limit = unit === "usd" ? budget.maxCostUsd : budget.maxTokens;
      const needed = unit === "usd" ? reserved.costUsd : reserved.inputTokens + reserved.outputTokens;
      if (limit === null || needed === null) return [];
      return [
        {
          budget: budget.name,
          account: accountName(session, budget, { unit, at }),
          unit,
          amount: toAccountUnits(needed, unit),
          limit: accountLimit(run, { name: budget.name, unit, limit }),
        },
      ];
    }),
  );

/** The name tells everything about an account, so that a list of them can be read: budget, whose, period, unit. */
const accountName = (
  { content, id }: ActiveSession,
  budget: Budget,
  { unit, at }: { readonly unit: BudgetUnit; readonly at: Timestamp },
): string => {
  const { tenant, user } = content.owner;
  const whose = { session: [id], user: [tenant ?? "", user ?? ""], tenant: [tenant ?? ""] }[budget.scope];
  const parts = [budget.name, budget.scope, ...whose, budget.period(at).name, unit];
  return parts.map((part) => encodeURIComponent(part)).join("/");
};

/** The reservations that ride in the commit of a start. */
export const reservationsOf = (
  sessionId: string,
  startedAt: Position,
  limits: readonly AccountLimit[],
): readonly Reservation[] =>
  limits.map(({ account, amount, limit }) => ({
    id: reservationId(sessionId, startedAt),
    account,
    amount,
    limit,
  }));

/** The store has refused a start for want of money: finds out whose, for the journal. */
export const noteRefusal = async (session: ActiveSession, batch: Batch): Promise<void> => {
  const { call, limits } = batch.reserved ?? { call: null, limits: [] };
  if (call === null) return;
  const names = limits.map(({ account }) => account);
  const accounts = await session.services.store.accounts({ names });
  const settled = settlementsOf(session.id, batch.base.state, batch.events);
  const shortage = findShortage(limits, accounts, settled);
  // Somebody has given back in between: it is simply tried again.
  if (shortage !== null) session.refusedCalls.push({ ...call, shortage });
};

/** Journals that a call was refused and what comes of it; false when none of these calls was. */
export const recordRefusal = (session: ActiveSession, batch: Batch, effects: readonly Effect[]): boolean => {
  const { run } = batch.state;
  const call = effects.find((effect) => effect.kind === "call-model");
  if (run === null || call === undefined) return false;
  const refused = session.refusedCalls.find(
    ({ turn, attempt, candidate }) =>
      turn === call.turn && attempt === call.attempt && candidate === call.candidate,
  );
  if (refused === undefined) return false;
  const { isPassing, ...shortage } = refused.shortage;
  const budget = session.services.budgets.find(({ name }) => name === shortage.budget);
  const now = batch.now();
  const next = afterAccountShortage(run, {
    onLimit: budget?.onLimit ?? "stop",
    isPassing,
    cheaper: cheaperCandidate(batch.state, run, refused.candidate),
    until: budget?.period(now).endsAt() ?? null,
    now,
    seed: session.id,
  });
  batch.add(refusedCall(run, refused, { shortage, next }));
  return true;
};
