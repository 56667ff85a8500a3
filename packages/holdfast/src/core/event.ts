import type { CalledBy } from "./child-call.ts";
import type { AfterRefusal, BudgetShortage, Reserved } from "./budget-terms.ts";
import type { ApprovalTerms } from "./approval.ts";
import type { History } from "./hand-off-terms.ts";
import type { FailureCode } from "./failure.ts";
import type { CallId, Position, RunId, SessionId, Timestamp } from "./ids.ts";
import type { JsonObject } from "./json.ts";
import type { SendLimits } from "./run-limits.ts";
import type { RunSettings, ToolPolicy } from "./run-settings.ts";
import type { SummaryHeader } from "./summary-header.ts";
import type { UndoReport } from "./undo-terms.ts";
import type { Charge, Spend } from "./usage.ts";
import type { DefinitionParts, OnUpgrade } from "./upgrade-terms.ts";
import type { Wait } from "./wait.ts";

/**
 * Events: the immutable facts of a session's journal.
 *
 * Each event is a header and a payload. The header holds what `reduce` needs for control: ids, types,
 * statuses, counts, usage. The payload holds content: what people, models and tools said. Only the
 * payload can be erased; state folds the same without it (J3, J4).
 */
export const EVENT_VERSION = 1;

/** What happens after an attempt failed. Decided once, when the failure is recorded. */
export type AfterFailure =
  | { readonly kind: "retry"; readonly dueAt: Timestamp }
  | { readonly kind: "fallback"; readonly candidate: number }
  | { readonly kind: "compact" }
  | { readonly kind: "give-up" };

/** The same of a tool call. */
export type AfterToolFailure =
  | { readonly kind: "retry"; readonly dueAt: Timestamp }
  /** Another tool is called in its place, by that tool's rules. */
  | { readonly kind: "other-tool"; readonly tool: string; readonly policy: ToolPolicy }
  /** What it answered when it last worked is its result: the next event says so. */
  | { readonly kind: "last-good" }
  | { readonly kind: "give-up" };

/** What happens about a call whose outcome is unknown. */
export type AfterUnknown =
  | { readonly kind: "verify"; readonly notBefore: Timestamp; readonly tries: number }
  | { readonly kind: "ask" }
  | { readonly kind: "give-up" };

/** Who began a run, where it was not a caller. */
export type RunSource = { readonly schedule: string; readonly tick: Timestamp | null };

/** One tool call a model asked for, with the policy that was in force when it asked. */
export type RequestedCall = {
  readonly callId: CallId;
  /** Null when the model named a tool the agent does not have: the name itself is content. */
  readonly tool: string | null;
  readonly policy: ToolPolicy;
};

/** What a run came to, journaled with its end. */
export type RunTotals = {
  readonly turns: number;
  readonly toolCalls: number;
  /** Attempts beyond the first, of model and tool calls. */
  readonly retries: number;
  readonly spend: Spend;
};

export type FinishReason = "stop" | "tool-calls" | "length" | "content-filter" | "other";

/** How a structured answer fared against the agent's `output` schema. */
export type OutputCheck = "none" | "valid" | "invalid";

type Header<Type extends string, Fields> = { readonly type: Type } & Readonly<Fields>;

export type SessionHeader =
  | Header<
      "session.created",
      { agent: string; agentVersion: string | null; digest: string; parent: SessionId | null }
    >
  | Header<"session.recovered", { previousEpoch: number; safeAt: Timestamp }>
  | Header<"session.restored", { safeAt: Timestamp }>
  /** Nothing new starts in it until it is resumed. */
  | Header<"session.paused", object>
  | Header<"session.resumed", object>
  /** Something from outside, by a key: kept until a call that waits for it takes it. */
  | Header<"signal.received", { key: string }>
  /** So many of the oldest entries of the window left it, and a summary took their place; of some results only the head is left. */
  | Header<
      "context.compacted",
      { dropped: number; shortened: readonly Position[] | null; summaryChars: number }
    >;

export type RunHeader =
  | Header<
      "run.accepted",
      {
        runId: RunId;
        chars: number;
        /** The schedule that began the run, and its tick, or null when it was run by hand; null when a caller did. */
        source: RunSource | null;
        /** What this send tightens of the agent's limits; null for nothing (E8). */
        limits: SendLimits | null;
        /** The run it is to join, when it is to steer one; it becomes a run of its own when that ends first (S4). */
        joins: RunId | null;
        /** Whether it goes before everything that waits. */
        isNext: boolean;
        /** The call of another session that it answers; null when nobody's does. */
        calledBy: CalledBy | null;
      }
    >
  /** An accepted input became part of the open run, behind what was said so far (S4). */
  | Header<"run.steered", { runId: RunId; steerId: RunId; acceptedAt: Position }>
  | Header<
      "run.started",
      {
        runId: RunId;
        digest: string;
        /** The author's version of the definition; null where it has none (S6). */
        version: string | null;
        /** What becomes of the run in a process that has another definition. */
        onUpgrade: OnUpgrade;
        /** Digests of the definition's parts; null where they are those of the run before. */
        parts: DefinitionParts | null;
        settings: RunSettings;
        /** W3C traceparent of the run's span, so that one trace survives a crash (O1). */
        trace: string | null;
        /** Where the same instructions were journaled before; null when they are in this payload. */
        instructionsAt: Position | null;
        /** Characters of what this payload tells and the model sees before the input: the time that has passed, and what was recalled; 0 for nothing. */
        recalledChars: number;
      }
    >
  /** Another agent goes on in its place, with this run and the runs after it. */
  | Header<
      "run.handed-off",
      {
        runId: RunId;
        agent: string;
        agentVersion: string | null;
        digest: string;
        onUpgrade: OnUpgrade;
        parts: DefinitionParts;
        settings: RunSettings;
        /** Whether that agent sees the whole conversation, or only what this payload says. */
        history: History;
        chars: number;
      }
    >
  | Header<"run.suspended", { runId: RunId; waitingFor: readonly Wait[] }>
  | Header<"run.resumed", { runId: RunId; by: "time" | "signal" | "operator" | "definition" }>
  | Header<
      "run.cancel-requested",
      {
        runId: RunId;
        /** `rollback` takes what the run said out of the conversation when it ends (E5). */
        mode: "interrupt" | "rollback";
      }
    >
  /** What the run said is no part of the conversation any more; its journal stays. */
  | Header<"run.rolled-back", { runId: RunId }>
  | Header<"run.expired", { runId: RunId }>
  | Header<"run.completed", { runId: RunId; answerAt: Position; durationMs: number; totals: RunTotals }>
  | Header<
      "run.failed",
      {
        runId: RunId;
        code: FailureCode;
        /** The event whose payload tells the failure; null when the code says it all. */
        causeAt: Position | null;
        durationMs: number;
        totals: RunTotals;
        /** What was undone, and what was not; null where there was nothing to undo (E10). */
        undo: UndoReport | null;
      }
    >
  | Header<
      "run.cancelled",
      {
        runId: RunId;
        unknown: readonly CallId[];
        durationMs: number;
        totals: RunTotals;
        undo: UndoReport | null;
      }
    >
  /** What it did is undone before it ends as the code says; `RUN_CANCELLED` for one that is rolled back (E10). */
  | Header<"run.undoing", { runId: RunId; code: FailureCode; causeAt: Position | null }>
  /** A call of this id undoes another call of the run. */
  | Header<"undo.requested", { runId: RunId; undoId: CallId; undoes: CallId; tool: string }>;

export type ModelHeader =
  | Header<
      "model-call.started",
      {
        runId: RunId;
        turn: number;
        attempt: number;
        candidate: number;
        provider: string;
        modelId: string;
        /** No answer is used after this. */
        notAfter: Timestamp;
        /** What the call is charged when its answer is never seen (E8). */
        estimate: Charge;
        /** The worst that the call can come to, set aside for it; null where no budget applies (E8). */
        reserved: Reserved | null;
      }
    >
  | Header<
      "model-call.completed",
      {
        runId: RunId;
        startedAt: Position;
        attempt: number;
        charge: Charge;
        finish: FinishReason;
        /** Who answered; parts that only one provider understands go back to it alone. */
        provider: string;
        durationMs: number;
        firstTokenMs: number | null;
        calls: readonly RequestedCall[];
        output: OutputCheck;
        chars: number;
      }
    >
  | Header<
      "model-call.failed",
      {
        runId: RunId;
        startedAt: Position;
        attempt: number;
        code: FailureCode;
        charge: Charge;
        durationMs: number;
        next: AfterFailure;
      }
    >;

export type ToolHeader =
  /** Handed to whoever called the agent, or to another agent: they run it and say what came of it. */
  | Header<
      "tool-call.held",
      {
        runId: RunId;
        callId: CallId;
        dueAt: Timestamp | null;
        /** The session of the agent that is to answer it; null where the caller is. */
        child: SessionId | null;
      }
    >
  | Header<
      "tool-call.started",
      {
        runId: RunId;
        callId: CallId;
        attempt: number;
        /** The holder does not enter the tool after this, and takes no result after it. */
        notAfter: Timestamp;
        idempotencyKey: string;
      }
    >
  /** The tool returned to be entered again, at a time or by a signal. */
  | Header<
      "tool-call.suspended",
      {
        runId: RunId;
        callId: CallId;
        attempt: number;
        durationMs: number;
        /** When it goes on by itself; null for never. */
        until: Timestamp | null;
        key: string | null;
      }
    >
  /** Too many calls of its kind are under way: it begins later, and nothing of it has. */
  | Header<"tool-call.deferred", { runId: RunId; callId: CallId; until: Timestamp }>
  | Header<
      "tool-call.resumed",
      {
        runId: RunId;
        callId: CallId;
        by: "time" | "signal" | "timeout";
        /** Where the signal was received. */
        signalAt: Position | null;
      }
    >
  | Header<
      "tool-call.cancel-requested",
      {
        runId: RunId;
        callId: CallId;
        /** Whether its outcome, which nobody knows, is not to be waited for any more. */
        isGivenUp: boolean;
      }
    >
  | Header<
      "tool-call.completed",
      {
        runId: RunId;
        callId: CallId;
        attempt: number;
        durationMs: number;
        chars: number;
        by: "execution" | "verification" | "caller" | "agent" | "hand-off" | "last-good" | "interceptor";
        /** True when the result had to be changed to fit JSON. */
        isCoerced: boolean;
        /** How often in a row the same call has given the same result, this one included (E8). */
        repeats: number;
        /** What the agent that answered it has spent; null where none did. */
        spent: Spend | null;
      }
    >
  | Header<
      "tool-call.failed",
      {
        runId: RunId;
        callId: CallId;
        attempt: number;
        code: FailureCode;
        durationMs: number;
        chars: number;
        next: AfterToolFailure;
        repeats: number;
        spent: Spend | null;
      }
    >
  | Header<
      "tool-call.unknown",
      { runId: RunId; callId: CallId; attempt: number; code: FailureCode; chars: number; next: AfterUnknown }
    >
  | Header<
      "tool-call.verified",
      { runId: RunId; callId: CallId; attempt: number; status: "not-done" | "unknown"; durationMs: number }
    >
  | Header<
      "tool-call.resolved",
      { runId: RunId; callId: CallId; as: "completed" | "failed" | "retry"; chars: number }
    >
  | Header<
      "tool-call.late",
      { runId: RunId; callId: CallId; attempt: number; status: "completed" | "failed" }
    >;

export type BudgetHeader =
  /** A model call does not fit a budget and is not made (E8). */
  | Header<
      "budget.refused",
      BudgetShortage & { runId: RunId; turn: number; attempt: number; candidate: number; next: AfterRefusal }
    >
  /** Somebody has added to a limit, for this run. */
  | Header<"budget.raised", { runId: RunId; budget: string; usd: number; tokens: number }>
  /** A model call came to more than the worst case that was set aside for it. */
  | Header<
      "budget.crossed",
      { runId: RunId; startedAt: Position; overTokens: number; overUsd: number | null }
    >;

/** Everything that can be recorded in a journal. */
/** Which approval of which call. */
type Asked<Fields> = Readonly<{ runId: RunId; callId: CallId; ask: number } & Fields>;

export type ApprovalHeader =
  | Header<
      "approval.requested",
      Asked<{ hash: string; rule: string; expiresAt: Timestamp | null; terms: ApprovalTerms }>
    >
  /** Others may decide too from now on. */
  | Header<"approval.escalated", Asked<{ level: number }>>
  | Header<
      "approval.decided",
      Asked<{
        verdict: "approve" | "reject";
        /** `memory` for a word that was given before, for every call of the tool. */
        by: "person" | "memory";
        /** Digest of who decided; null when they did not say. */
        approver: string | null;
        /** Of what was decided on: another one than was asked for when the input was edited. */
        hash: string;
        isEdited: boolean;
        remember: "run" | "session" | null;
      }>
    >
  | Header<"approval.expired", Asked<{ as: "approve" | "reject" }>>
  /** It no longer holds, and is asked for again. */
  | Header<"approval.voided", Asked<{ reason: "changed" | "expired" | "input-invalid" }>>
  /** What was kept for later calls is good no more. */
  | Header<"approval.forgotten", { count: number }>;

/** Everything that can be recorded in a journal. */
export type EventHeader =
  | SessionHeader
  | RunHeader
  | ModelHeader
  | SummaryHeader
  | ToolHeader
  | BudgetHeader
  | ApprovalHeader;
export type EventType = EventHeader["type"];
export type HeaderOf<Type extends EventType> = Extract<EventHeader, { type: Type }>;

/** An event that is decided but not yet placed: no position, no hash. */
export type EventDraft<Type extends EventType = EventType> = {
  readonly header: HeaderOf<Type>;
  /** Content, or null where the event has none. */
  readonly payload: JsonObject | null;
};

/** What every stored header carries besides its own fields. */
export type Envelope = {
  /** Version of the event's shape. */
  readonly v: number;
  readonly position: Position;
  readonly at: Timestamp;
  /** Lease epoch of the writer (J2). */
  readonly epoch: number;
  /** Salted digest of the payload, base64url; null where the event never had one (J4). */
  readonly content: string | null;
};

/** An event with its place in the journal; what `reduce` folds and subscribers read. */
export type JournalEvent = Envelope & {
  readonly header: EventHeader;
  /** Null where there was none, and where it was erased. */
  readonly payload: JsonObject | null;
};

const EVENT_TYPE_TABLE: Record<EventType, true> = {
  "session.created": true,
  "session.recovered": true,
  "session.restored": true,
  "session.paused": true,
  "session.resumed": true,
  "signal.received": true,
  "context.compacted": true,
  "run.accepted": true,
  "run.steered": true,
  "run.started": true,
  "run.handed-off": true,
  "run.suspended": true,
  "run.resumed": true,
  "run.cancel-requested": true,
  "run.rolled-back": true,
  "run.expired": true,
  "run.completed": true,
  "run.failed": true,
  "run.cancelled": true,
  "run.undoing": true,
  "undo.requested": true,
  "model-call.started": true,
  "model-call.completed": true,
  "model-call.failed": true,
  "summary-call.started": true,
  "summary-call.completed": true,
  "summary-call.failed": true,
  "tool-call.held": true,
  "tool-call.started": true,
  "tool-call.suspended": true,
  "tool-call.deferred": true,
  "tool-call.resumed": true,
  "tool-call.cancel-requested": true,
  "tool-call.completed": true,
  "tool-call.failed": true,
  "tool-call.unknown": true,
  "tool-call.verified": true,
  "tool-call.resolved": true,
  "tool-call.late": true,
  "budget.refused": true,
  "budget.raised": true,
  "budget.crossed": true,
  "approval.requested": true,
  "approval.escalated": true,
  "approval.decided": true,
  "approval.expired": true,
  "approval.voided": true,
  "approval.forgotten": true,
};

/** Every event type this version knows. An unknown one stops the fold (S6). */
export const EVENT_TYPES: ReadonlySet<string> = new Set(Object.keys(EVENT_TYPE_TABLE));

export const isEventType = (value: unknown): value is EventType =>
  typeof value === "string" && EVENT_TYPES.has(value);

/** Events that begin an effect; a commit with one is fenced by the gate (E5). */
export const isEffectStart = (type: EventType): boolean =>
  type === "model-call.started" || type === "summary-call.started" || type === "tool-call.started";
