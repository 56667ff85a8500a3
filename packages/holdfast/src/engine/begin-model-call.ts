import type { AccountLimit } from "../core/accounts.ts";
import { fitSummary, summaryPromptChars } from "../core/budget.ts";
import type { Reserved, ReservedAccount } from "../core/budget-terms.ts";
import type { Effect } from "../core/effect.ts";
import type { EventDraft } from "../core/event.ts";
import { candidateOf, type OpenRun } from "../core/session-state.ts";
import { estimateTokens, NO_USAGE, type Charge } from "../core/usage.ts";
import type { ModelCandidate } from "../core/run-settings.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";
import { accountsFor, reservationsOf } from "./call-budgets.ts";
import type { Start } from "./start.ts";
import { reserveCall, worstCharge } from "./run-budget.ts";

type ModelEffect = Effect & { kind: "call-model" | "call-summary" };

/** Journals the start of a model call, or of a summary by a model, and sets aside what it may cost (E8). */
export const beginModelCall = (session: ActiveSession, batch: Batch, effect: ModelEffect): Start | null => {
  const { run } = batch.state;
  if (run === null) return null;
  const asked = askedOf(batch, run, effect);
  if (asked === null) return null;
  const { fit, model, chars } = asked;
  const limits = fit === null ? [] : accountsFor(session, run, { reserved: fit, at: batch.now() });
  const reserved = fit === null ? null : { ...fit, accounts: limits.map(takenFrom) };
  const estimate = reserved === null ? estimateOf(session, model, chars) : worstCharge(reserved);
  const notAfter = batch.now() + asked.timeoutMs;
  const event = batch.add(startOf(run, effect, { ...model, notAfter, estimate, reserved }));
  // guard E8: what a call may cost is set aside with its start
  batch.reserve.push(...reservationsOf(session.id, event.position, limits));
  noteReserved(batch, effect, limits);
  const { attempt, candidate } = effect;
  return {
    kind: effect.kind === "call-model" ? "model" : "summary",
    key: `model:${event.position}`,
    startedAt: event.position,
    attempt: effect.kind === "call-model" ? attempt : 1,
    candidate,
    estimate,
    reserved,
  };
};

const noteReserved = (batch: Batch, effect: ModelEffect, limits: readonly AccountLimit[]): void => {
  if (limits.length === 0) return;
  const { turn, attempt, candidate } = effect;
  const isSummary = effect.kind === "call-summary";
  batch.reserved = { call: { turn, attempt, candidate }, isSummary, limits };
};

type Asked = {
  readonly model: ModelCandidate;
  /** The worst case; null without a budget. */
  readonly fit: Reserved | null;
  /** How long the conversation is that it is sent. */
  readonly chars: number;
  readonly timeoutMs: number;
};

const askedOf = ({ state }: Batch, run: OpenRun, effect: ModelEffect): Asked | null => {
  const { summary, modelTimeoutMs } = run.settings;
  const { candidate } = effect;
  if (effect.kind === "call-model")
    return {
      model: candidateOf(run, candidate),
      fit: reserveCall(state, run, candidate),
      chars: state.windowChars,
      timeoutMs: modelTimeoutMs,
    };
  if (summary === null) return null;
  const { dropped } = effect;
  return {
    model: summary,
    fit: fitSummary(state, run, { candidate, dropped }).reserved,
    chars: summaryPromptChars(state, summary, dropped),
    timeoutMs: summary.timeoutMs,
  };
};

const startOf = (
  { runId }: OpenRun,
  effect: ModelEffect,
  about: ModelCandidate & {
    readonly notAfter: number;
    readonly estimate: Charge;
    readonly reserved: Reserved | null;
  },
): EventDraft => {
  const { provider, modelId, notAfter, estimate, reserved } = about;
  const common = { provider, modelId, notAfter, estimate, reserved };
  if (effect.kind === "call-summary")
    return {
      header: { type: "summary-call.started", runId, dropped: effect.dropped, ...common },
      payload: null,
    };
  const { turn, attempt, candidate } = effect;
  return {
    header: { type: "model-call.started", runId, turn, attempt, candidate, ...common },
    payload: null,
  };
};

const takenFrom = ({ account, unit, amount }: ReservedAccount): ReservedAccount => ({
  account,
  unit,
  amount,
});

const estimateOf = (
  { services }: ActiveSession,
  { provider, modelId }: ModelCandidate,
  chars: number,
): Charge => {
  const usage = { ...NO_USAGE, inputTokens: estimateTokens(chars) };
  return { usage, costUsd: services.prices.costUsd(provider, modelId, usage), isEstimate: true };
};
