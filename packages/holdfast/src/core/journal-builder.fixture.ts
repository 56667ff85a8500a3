import type { BudgetShortage } from "./budget-terms.ts";
import { HoldfastError } from "./errors.ts";
import type { EventDraft, EventHeader, EventType, HeaderOf, JournalEvent, RequestedCall } from "./event.ts";
import { EVENT_VERSION } from "./event.ts";
import { toolCallId } from "./ids.ts";
import type { JsonObject } from "./json.ts";
import { reduce } from "./reduce.ts";
import type { RunSettings, SummarySettings, ToolEffect, ToolPolicy } from "./run-settings.ts";
import { EMPTY_STATE, type OpenCall, type OpenRun, type SessionState } from "./session-state.ts";
import { NO_USAGE, type Charge } from "./usage.ts";
import type { Compaction } from "./window.ts";

/** Builds journals and states for tests of core, always by real folds. */

/** The time of the first event; each later one comes a second after the one before it. */
export const START = 1_000_000;
const TICK_MS = 1_000;
export const RUN = "run-1";

export const settings = (more: Partial<RunSettings> = {}): RunSettings => ({
  maxTurns: 5,
  maxDurationMs: 600_000,
  maxParallelCalls: 4,
  maxOutputRepairs: 1,
  maxWindowChars: 100_000,
  maxPromptTokens: null,
  modelTimeoutMs: 60_000,
  modelRetry: { maxAttempts: 3, initialDelayMs: 500, maxDelayMs: 60_000 },
  candidates: [
    { provider: "first", modelId: "a" },
    { provider: "second", modelId: "b" },
  ],
  maxToolCalls: null,
  maxRepeats: null,
  whenFailed: "undo",
  summary: null,
  budget: null,
  ...more,
});

/** Settings of a model that sums up. */
export const SUMMARISER: SummarySettings = {
  provider: "small",
  modelId: "s",
  maxOutputTokens: 500,
  timeoutMs: 10_000,
  maxPromptChars: 20_000,
};

export const policy = (effect: ToolEffect, more: Partial<ToolPolicy> = {}): ToolPolicy => ({
  effect,
  timeoutMs: 30_000,
  retry: { maxAttempts: 3, initialDelayMs: 250, maxDelayMs: 30_000 },
  canVerify: false,
  by: "runtime",
  undo: null,
  ...more,
});

const SHORTAGE: BudgetShortage = { budget: "run", unit: "usd", limit: 1, spent: 0.5, needed: 0.75 };

export const charge = (more: Partial<Charge> = {}): Charge => ({
  usage: { ...NO_USAGE, inputTokens: 10, outputTokens: 5 },
  costUsd: 0.001,
  isEstimate: false,
  ...more,
});

/** A journal and its fold. */
export type Journal = { readonly events: readonly JournalEvent[]; readonly state: SessionState };

export const EMPTY_JOURNAL: Journal = { events: [], state: EMPTY_STATE };

export const eventAfter = (
  state: SessionState,
  header: EventHeader,
  more: { readonly at?: number; readonly payload?: JsonObject | null } = {},
): JournalEvent => ({
  v: EVENT_VERSION,
  position: state.position + 1,
  at: more.at ?? (state.at === 0 ? START : state.at + TICK_MS),
  epoch: 1,
  content: null,
  header,
  payload: more.payload ?? null,
});

export const append = (journal: Journal, ...headers: readonly EventHeader[]): Journal =>
  headers.reduce<Journal>(({ events, state }, header) => {
    const event = eventAfter(state, header);
    return { events: [...events, event], state: reduce(state, event) };
  }, journal);

export const appendAt = (journal: Journal, at: number, header: EventHeader): Journal => {
  const event = eventAfter(journal.state, header, { at });
  return { events: [...journal.events, event], state: reduce(journal.state, event) };
};

export const appendDrafts = (journal: Journal, drafts: readonly EventDraft[]): Journal =>
  append(journal, ...drafts.map((draft) => draft.header));

export const journalOf = (...headers: readonly EventHeader[]): Journal => append(EMPTY_JOURNAL, ...headers);

export const foldAll = (events: readonly JournalEvent[], from: SessionState = EMPTY_STATE): SessionState =>
  events.reduce(reduce, from);

const TOTALS = {
  turns: 0,
  toolCalls: 0,
  retries: 0,
  spend: { usage: NO_USAGE, knownCostUsd: 0, unpricedCalls: 0, estimatedCalls: 0 },
};
const ENDED = { runId: RUN, durationMs: 1, totals: TOTALS };
const OF_CALL = { runId: RUN, callId: toolCallId(4, 0), attempt: 1 };
const OF_ASK = { runId: RUN, callId: toolCallId(4, 0), ask: 1 };

/** One header of each type, as it would follow in the usual story of `RUN`. */
const USUAL: { readonly [Type in EventType]: HeaderOf<Type> } = {
  "session.created": {
    type: "session.created",
    agent: "agent",
    agentVersion: null,
    digest: "d",
    parent: null,
  },
  "session.recovered": { type: "session.recovered", previousEpoch: 1, safeAt: START },
  "session.restored": { type: "session.restored", safeAt: START },
  "session.paused": { type: "session.paused" },
  "session.resumed": { type: "session.resumed" },
  "signal.received": { type: "signal.received", key: "paid" },
  "context.compacted": { type: "context.compacted", dropped: 1, shortened: null, summaryChars: 0 },
  "run.accepted": {
    type: "run.accepted",
    runId: RUN,
    chars: 10,
    source: null,
    limits: null,
    joins: null,
    isNext: false,
    calledBy: null,
  },
  "run.steered": { type: "run.steered", runId: RUN, steerId: "run-2", acceptedAt: 4 },
  "run.handed-off": {
    type: "run.handed-off",
    runId: RUN,
    agent: "other",
    agentVersion: null,
    digest: "e",
    onUpgrade: "migrate",
    parts: { instructions: null, output: null, rest: "r", tools: {} },
    settings: settings(),
    history: "full",
    chars: 10,
  },
  "run.started": {
    type: "run.started",
    runId: RUN,
    digest: "d",
    version: null,
    onUpgrade: "migrate",
    parts: null,
    settings: settings(),
    trace: null,
    instructionsAt: null,
    recalledChars: 0,
  },
  "run.suspended": {
    type: "run.suspended",
    runId: RUN,
    waitingFor: [{ kind: "operator", reason: "poisoned" }],
  },
  "run.resumed": { type: "run.resumed", runId: RUN, by: "operator" },
  "run.cancel-requested": { type: "run.cancel-requested", runId: RUN, mode: "interrupt" },
  "run.rolled-back": { type: "run.rolled-back", runId: RUN },
  "run.expired": { type: "run.expired", runId: RUN },
  "run.completed": { type: "run.completed", ...ENDED, answerAt: 5 },
  "run.failed": { type: "run.failed", ...ENDED, code: "RUN_MAX_TURNS", causeAt: null, undo: null },
  "run.undoing": { type: "run.undoing", runId: RUN, code: "RUN_MAX_TURNS", causeAt: null },
  "run.cancelled": { type: "run.cancelled", ...ENDED, unknown: [], undo: null },
  "undo.requested": {
    type: "undo.requested",
    runId: RUN,
    undoId: "undo_call_4_0",
    undoes: "call_4_0",
    tool: "tool-0",
  },
  "budget.refused": {
    type: "budget.refused",
    runId: RUN,
    turn: 1,
    attempt: 1,
    candidate: 0,
    ...SHORTAGE,
    next: { kind: "stop" },
  },
  "budget.raised": { type: "budget.raised", runId: RUN, budget: "run", usd: 1, tokens: 0 },
  "budget.crossed": { type: "budget.crossed", runId: RUN, startedAt: 4, overTokens: 1, overUsd: null },
  "model-call.started": {
    type: "model-call.started",
    runId: RUN,
    turn: 1,
    attempt: 1,
    candidate: 0,
    provider: "first",
    modelId: "a",
    notAfter: START + 100_000,
    estimate: charge({ isEstimate: true }),
    reserved: null,
  },
  "model-call.completed": {
    type: "model-call.completed",
    runId: RUN,
    startedAt: 4,
    attempt: 1,
    charge: charge(),
    finish: "stop",
    provider: "first",
    durationMs: 1,
    firstTokenMs: 1,
    calls: [],
    output: "none",
    chars: 20,
  },
  "model-call.failed": {
    type: "model-call.failed",
    runId: RUN,
    startedAt: 4,
    attempt: 1,
    code: "MODEL_UNAVAILABLE",
    charge: charge(),
    durationMs: 1,
    next: { kind: "give-up" },
  },
  "summary-call.started": {
    type: "summary-call.started",
    runId: RUN,
    dropped: 2,
    provider: "small",
    modelId: "s",
    notAfter: START + 100_000,
    estimate: charge({ isEstimate: true }),
    reserved: null,
  },
  "summary-call.completed": {
    type: "summary-call.completed",
    runId: RUN,
    startedAt: 9,
    charge: charge(),
    durationMs: 1,
    chars: 100,
  },
  "summary-call.failed": {
    type: "summary-call.failed",
    runId: RUN,
    startedAt: 9,
    code: "MODEL_UNAVAILABLE",
    charge: charge(),
    durationMs: 1,
  },
  "tool-call.started": {
    type: "tool-call.started",
    ...OF_CALL,
    notAfter: START + 100_000,
    idempotencyKey: "k",
  },
  "tool-call.suspended": {
    type: "tool-call.suspended",
    ...OF_CALL,
    durationMs: 1,
    until: START + 100_000,
    key: null,
  },
  "tool-call.deferred": {
    type: "tool-call.deferred",
    runId: RUN,
    callId: OF_CALL.callId,
    until: START + 100_000,
  },
  "tool-call.resumed": {
    type: "tool-call.resumed",
    runId: RUN,
    callId: OF_CALL.callId,
    by: "time",
    signalAt: null,
  },
  "tool-call.cancel-requested": {
    type: "tool-call.cancel-requested",
    runId: RUN,
    callId: OF_CALL.callId,
    isGivenUp: false,
  },
  "tool-call.completed": {
    type: "tool-call.completed",
    ...OF_CALL,
    durationMs: 1,
    chars: 5,
    by: "execution",
    isCoerced: false,
    repeats: 1,
    spent: null,
  },
  "tool-call.failed": {
    type: "tool-call.failed",
    ...OF_CALL,
    code: "TOOL_FAILED",
    durationMs: 1,
    chars: 5,
    next: { kind: "give-up" },
    repeats: 1,
    spent: null,
  },
  "tool-call.unknown": {
    type: "tool-call.unknown",
    ...OF_CALL,
    code: "TOOL_TIMEOUT",
    chars: 0,
    next: { kind: "ask" },
  },
  "tool-call.verified": { type: "tool-call.verified", ...OF_CALL, status: "not-done", durationMs: 1 },
  "tool-call.resolved": {
    type: "tool-call.resolved",
    runId: RUN,
    callId: OF_CALL.callId,
    as: "completed",
    chars: 5,
  },
  "tool-call.late": { type: "tool-call.late", ...OF_CALL, status: "completed" },
  "tool-call.held": { type: "tool-call.held", runId: RUN, callId: OF_CALL.callId, dueAt: null, child: null },
  "approval.requested": {
    type: "approval.requested",
    ...OF_ASK,
    hash: "h1",
    rule: "r1",
    expiresAt: null,
    terms: {
      quorum: 1,
      levels: [{ afterMs: 0, approvers: null }],
      requester: null,
      onTimeout: "reject",
      mayRemember: true,
    },
  },
  "approval.escalated": { type: "approval.escalated", ...OF_ASK, level: 1 },
  "approval.decided": {
    type: "approval.decided",
    ...OF_ASK,
    verdict: "approve",
    by: "person",
    approver: "p1",
    hash: "h1",
    isEdited: false,
    remember: null,
  },
  "approval.expired": { type: "approval.expired", ...OF_ASK, as: "reject" },
  "approval.voided": { type: "approval.voided", ...OF_ASK, reason: "changed" },
  "approval.forgotten": { type: "approval.forgotten", count: 1 },
};

/** The usual header of this type, with some of its fields changed. */
export const header = <Type extends EventType>(
  type: Type,
  more: Partial<Omit<HeaderOf<Type>, "type">> = {},
): HeaderOf<Type> => Object.assign({}, USUAL[type], more);

/** The id of the call at `index` in the first answer of the usual story. */
export const callId = (index = 0): string => toolCallId(4, index);

const requested = (...policies: readonly ToolPolicy[]): readonly RequestedCall[] =>
  policies.map((each, index) => ({ callId: callId(index), tool: `tool-${index}`, policy: each }));

const started = (more: Partial<RunSettings> = {}): readonly EventHeader[] => [
  header("session.created"),
  header("run.accepted"),
  header("run.started", { settings: settings(more) }),
];

/** The stages of the usual story: at position 3 the run starts, at 4 its model call, at 5 the answer. */
export const ready = (more?: Partial<RunSettings>): Journal => journalOf(...started(more));

/** The same with a run before it, of which a model may sum up both entries. */
export const withPast = (more: Partial<RunSettings> = {}): Journal =>
  journalOf(
    header("session.created"),
    header("run.accepted", { runId: "run-0", chars: 1_000 }),
    header("run.started", { runId: "run-0" }),
    header("model-call.started", { runId: "run-0" }),
    header("model-call.completed", { runId: "run-0", chars: 1_000 }),
    header("run.completed", { runId: "run-0" }),
    header("run.accepted"),
    header("run.started", { settings: settings({ summary: SUMMARISER, ...more }) }),
  );

/** The summary is asked for at 9. */
export const summarising = (more?: Partial<RunSettings>): Journal =>
  append(withPast(more), header("summary-call.started"));

export const callingModel = (more?: Partial<RunSettings>): Journal =>
  append(ready(more), header("model-call.started"));

export const callingTools = (policies: readonly ToolPolicy[], more?: Partial<RunSettings>): Journal =>
  append(
    callingModel(more),
    header("model-call.completed", { finish: "tool-calls", calls: requested(...policies) }),
  );

export const answered = (more?: Partial<RunSettings>): Journal =>
  append(callingModel(more), header("model-call.completed"));

export const failing = (more?: Partial<RunSettings>): Journal =>
  append(callingModel(more), header("model-call.failed"));

export const openRun = (state: SessionState): OpenRun => {
  if (state.run === null) throw new HoldfastError("INTERNAL", "No run is open.");
  return state.run;
};

export const openCalls = (state: SessionState): readonly OpenCall[] =>
  state.run?.phase.kind === "calling-tools" ? state.run.phase.calls : [];

export const openCall = (state: SessionState, index = 0): OpenCall => {
  const call = openCalls(state).find((open) => open.callId === callId(index));
  if (call === undefined) throw new HoldfastError("INTERNAL", `Call ${index} is not open.`);
  return call;
};

/** The event that a compaction becomes, with a summary of so many characters. */
export const compacted = ({ dropped, shortened }: Compaction, summaryChars = 0): EventHeader =>
  header("context.compacted", {
    dropped,
    shortened: shortened.length === 0 ? null : shortened,
    summaryChars: dropped === 0 ? 0 : summaryChars,
  });
