export {
  createRuntime,
  defineAgent,
  defineTool,
  fromAiSdkTool,
  Run,
  Runtime,
  Session,
  stderrLogger,
  type AgentDefinition,
  type AgentLimits,
  type AgentOptions,
  type AgentOutput,
  type AiSdkTool,
  type CreateSessionOptions,
  type DefinedTool,
  type DurableEvent,
  type EventOptions,
  type FromAiSdkToolOptions,
  type Input,
  type InputPart,
  type Isolation,
  type ModelChoice,
  type Outcome,
  type OutcomeOptions,
  type OutcomeTotals,
  type Resolution,
  type BudgetAccount,
  type BudgetLimits,
  type BudgetOptions,
  type BudgetQuery,
  type RaiseBudgetOptions,
  type RunSpending,
  type RuntimeOptions,
  type Schedule,
  type ScheduleOptions,
  type SchedulePage,
  type ScheduleQuery,
  type Schema,
  type SchemaOutput,
  type Secrets,
  type SendOptions,
  type SessionEvent,
  type SessionQuery,
  type SessionSnapshot,
  type TextOptions,
  type ToolDefinition,
  type VerifyResult,
} from "./runtime/index.ts";
export {
  ConfigurationError,
  ConflictError,
  HoldfastError,
  isHoldfastError,
  JournalError,
  ModelCallError,
  NotFoundError,
  RunError,
  RunSuspendedError,
  RuntimeClosedError,
  StoreError,
  StreamInterruptedError,
  ToolError,
} from "./core/errors.ts";
export { FAILURE_CODES, toFailure, type Failure, type FailureCode } from "./core/failure.ts";
export type { JsonObject, JsonSchema, JsonValue } from "./core/json.ts";
export type { ToolOutput, UserPart } from "./core/message.ts";
export type { RetryPolicy } from "./core/retry-policy.ts";
export type { RunStatus } from "./core/session-state.ts";
export type { SendLimits } from "./core/run-limits.ts";
export type { BudgetShortage, OnLimit } from "./core/budget-terms.ts";
export type { ToolEffect } from "./core/run-settings.ts";
export type { Usage } from "./core/usage.ts";
export type { Wait } from "./core/wait.ts";
export type { ModelSettings } from "./ports/model.ts";
export type { Logger, SessionContext, ToolContext, Verification, Workspace } from "./ports/tool.ts";
