import { accountLimit, reservationId, toAccountUnits, type AccountLimit } from "../core/accounts.ts";
import { findShortage, settlementsOf } from "../core/accounts.ts";
import {
  PARENT_BUDGET,
  RUN_BUDGET,
  type BudgetUnit,
  type OnLimit,
  type Reserved,
} from "../core/budget-terms.ts";
import { sharedLimits } from "../core/child-budget.ts";
import type { CalledBy } from "../core/child-call.ts";
import { cheaperCandidate } from "../core/budget.ts";
import type { Effect } from "../core/effect.ts";
import type { Position, RunId, Timestamp } from "../core/ids.ts";
import { afterAccountShortage, refusedCall } from "../core/plan-budget.ts";
import { unmadeSummary } from "../core/plan-summary.ts";
import type { OpenRun } from "../core/session-state.ts";
import type { Budget } from "../ports/budget.ts";
import type { Reservation } from "../ports/journal-store.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";

/** The budgets of this runtime that count what a session spends: a child spends for the session that all of it is for. */
export const budgetsFor = (
  { services, content, id }: ActiveSession,
  calledBy: CalledBy | null,
): readonly Budget[] =>
  services.budgets.filter((budget) => {
    const key = keyOf(budget, { ...content.owner, session: calledBy?.root ?? id });
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
): readonly AccountLimit[] => [
  ...sharedBudgets(session, run, { reserved, at }),
  ...limitsAbove(session, run, reserved),
];

/** What the runs above may still spend, and, once this run has called an agent, it itself (E8). */
const limitsAbove = ({ id }: ActiveSession, run: OpenRun, reserved: Reserved): readonly AccountLimit[] => {
  const own = sharedLimits(id, run).map((each) => ({ ...each, budget: RUN_BUDGET }));
  const above = (run.calledBy?.accounts ?? []).map((each) => ({ ...each, budget: PARENT_BUDGET }));
  const limits = [
    // guard E8: who has called agents shares the rest with them
    ...own,
    // guard E8: a child takes from what its parent may spend
    ...above,
  ];
  return limits.flatMap((each): readonly AccountLimit[] => {
    const needed = neededOf(reserved, each.unit);
    return needed === null ? [] : [{ ...each, amount: toAccountUnits(needed, each.unit) }];
  });
};

const neededOf = (reserved: Reserved, unit: BudgetUnit): number | null =>
  unit === "usd" ? reserved.costUsd : reserved.inputTokens + reserved.outputTokens;

const sharedBudgets = (
  session: ActiveSession,
  run: OpenRun,
  { reserved, at }: { readonly reserved: Reserved; readonly at: Timestamp },
): readonly AccountLimit[] =>
  budgetsFor(session, run.calledBy).flatMap((budget) =>
    UNITS.flatMap((unit): readonly AccountLimit[] => {
      const limit = unit === "usd" ? budget.maxCostUsd : budget.maxTokens;
      const needed = neededOf(reserved, unit);
      if (limit === null || needed === null) return [];
      return [
        {
          budget: budget.name,
          account: accountName(session, budget, { unit, at, run }),
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
  { unit, at, run }: { readonly unit: BudgetUnit; readonly at: Timestamp; readonly run: OpenRun },
): string => {
  const { tenant, user } = content.owner;
  const root = run.calledBy?.root ?? id;
  const whose = { session: [root], user: [tenant ?? "", user ?? ""], tenant: [tenant ?? ""] }[budget.scope];
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
  const { run } = batch.state;
  if (batch.reserved === null || run === null) return;
  const { call, isSummary, limits } = batch.reserved;
  const names = limits.map(({ account }) => account);
  const accounts = await session.services.store.accounts({ names });
  const settled = settlementsOf(session.id, batch.base.state, batch.events);
  const shortage = findShortage(limits, accounts, settled);
  // Somebody has given back in between: it is simply tried again.
  if (shortage !== null) session.refusedCalls.push({ ...call, runId: run.runId, shortage, isSummary });
};

/** Nobody is asked in a child for more than its parent has. */
const onOwnLimit = ({ settings }: OpenRun, budget: string): OnLimit => {
  const onLimit = settings.budget?.onLimit ?? "stop";
  return budget === RUN_BUDGET || onLimit !== "ask" ? onLimit : "stop";
};

/** Whether a run was refused that is to be journaled before another begins. One that waits behind that is none. */
export const hasOtherRefused = (
  { refusedCalls }: ActiveSession,
  { state: { queue } }: Batch,
  next: RunId,
): boolean =>
  refusedCalls.some(({ runId }) => runId !== next && !queue.some((queued) => queued.runId === runId));

/** Journals that a call was refused and what comes of it; false when none of these calls was. */
export const recordRefusal = (session: ActiveSession, batch: Batch, effects: readonly Effect[]): boolean => {
  const { run } = batch.state;
  const call = effects.find(({ kind }) => kind === "call-model" || kind === "call-summary");
  if (run === null || (call?.kind !== "call-model" && call?.kind !== "call-summary")) return false;
  const refused = session.refusedCalls.find(
    ({ runId, isSummary, turn, attempt, candidate }) =>
      /* guard E8: what one run was refused another may be given */ runId === run.runId &&
      isSummary === (call.kind === "call-summary") &&
      turn === call.turn &&
      attempt === call.attempt &&
      candidate === call.candidate,
  );
  if (refused === undefined) return false;
  if (refused.isSummary) {
    // guard E8: a summary that an account has no room for is not asked for again
    batch.add(
      unmadeSummary(run, "BUDGET_EXCEEDED", `Budget "${refused.shortage.budget}" has no room for it.`),
    );
    return true;
  }
  const { isPassing, ...shortage } = refused.shortage;
  const budget = session.services.budgets.find(({ name }) => name === shortage.budget);
  const now = batch.now();
  const next = afterAccountShortage(run, {
    onLimit: budget?.onLimit ?? onOwnLimit(run, shortage.budget),
    isPassing,
    cheaper: cheaperCandidate(batch.state, run, refused.candidate),
    until: budget?.period(now).endsAt() ?? null,
    now,
    seed: session.id,
  });
  batch.add(refusedCall(run, refused, { shortage, next }));
  return true;
};
