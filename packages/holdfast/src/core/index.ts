export { plan, MAX_TAKEOVERS } from "./plan.ts";
export { reduce } from "./reduce.ts";
export { cellOf, isLegal, STATE_PHASES, statePhase, type StatePhase } from "./transitions.ts";
export {
  EMPTY_STATE,
  sessionStatus,
  STATE_VERSION,
  type RunStatus,
  type SessionState,
} from "./session-state.ts";
export type { BudgetShortage, LimitRule, OnLimit } from "./budget-terms.ts";
export type { Effect } from "./effect.ts";
export {
  EVENT_TYPES,
  EVENT_VERSION,
  type EventDraft,
  type EventHeader,
  type EventType,
  type JournalEvent,
  type RunTotals,
} from "./event.ts";
export { openEvent, sealEvent, verifyEvent } from "./journal-codec.ts";
export { GENESIS_HASH, type Sha256, type StoredEvent } from "./hash-chain.ts";
export { toJournalValue } from "./journal-value.ts";
export { FAILURE_CODES, failure, toFailure, type Failure, type FailureCode } from "./failure.ts";
export { nextAttemptAt, type RetryPolicy } from "./retry-policy.ts";
export {
  addCharge,
  addUsage,
  estimateTokens,
  totalCostUsd,
  type Charge,
  type Spend,
  type Usage,
} from "./usage.ts";
export type { ToolEffect, ToolPolicy, RunSettings } from "./run-settings.ts";
export { needsSomebody, type Wait } from "./wait.ts";
export type {
  AssistantMessage,
  AssistantPart,
  FilePart,
  Message,
  ReasoningPart,
  TextPart,
  ToolCallPart,
  ToolOutput,
  ToolResult,
  UserPart,
} from "./message.ts";
export type { JsonObject, JsonSchema, JsonValue } from "./json.ts";
export { nearestName } from "./nearest-name.ts";
export {
  assertNever,
  ConfigurationError,
  ConflictError,
  HoldfastError,
  isHoldfastError,
  NotFoundError,
  StoreError,
} from "./errors.ts";
export { textOf } from "./message.ts";
export { type WhenActive } from "./when-active.ts";
