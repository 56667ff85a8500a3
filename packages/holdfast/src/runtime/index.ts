export type { CallerResult, Decision } from "./answers.ts";
export type { Approval, ApprovalRule } from "../definitions/approval-rule.ts";
export {
  createRuntime,
  Runtime,
  type CreateSessionOptions,
  type PendingPage,
  type PendingQuery,
  type SessionQuery,
} from "./create-runtime.ts";
export {
  askUserTool,
  defineCallerTool,
  type AskUserOptions,
  type CallerToolDefinition,
} from "./define-caller-tool.ts";
export type { AgentMemory } from "./agent-memory.ts";
export type { ExtractionOptions } from "./extraction/extraction-options.ts";
export {
  defineAgent,
  type AgentDefinition,
  type AgentLimits,
  type AgentOptions,
  type AgentOutput,
  type ProposedCall,
} from "./define-agent.ts";
export type { ModelChoice } from "./model-choice.ts";
export type { SummaryOptions } from "./summary-options.ts";
export { agentTool, type AgentTool, type AgentToolOptions } from "./define-agent-tool.ts";
export { handOffTool, type HandOffOptions } from "./define-hand-off.ts";
export type { CallLimitOptions } from "../definitions/call-limits.ts";
export type { AfterCall, BeforeCall, InterceptedCall, Interceptor } from "../ports/interceptor.ts";
export type { FallbackOptions } from "../definitions/fallback.ts";
export type { CircuitOptions } from "../definitions/circuit-options.ts";
export type { CircuitStatus } from "../engine/circuits.ts";
export { defineTool, type DefinedTool, type ToolDefinition } from "../definitions/define-tool.ts";
export type { VerifyResult } from "../definitions/make-tool.ts";
export { fromAiSdkTool, type AiSdkTool, type FromAiSdkToolOptions } from "./from-ai-sdk-tool.ts";
export type { Isolation } from "../definitions/isolated.ts";
export type { InputPart } from "../definitions/content-part.ts";
export type { ErasedUser, EraseUserOptions } from "./erase-user.ts";
export type { MemoryOptions } from "./check-memory.ts";
export type { Input } from "./input.ts";
export type { Pending, PendingApproval, PendingResolution, PendingResult } from "./pending.ts";
export type { Decided, Submitted } from "./post-answer.ts";
export type { NotUndoneCall, UndoneCall } from "../core/undo-terms.ts";
export type { DoneCall } from "../ports/tool.ts";
export type { Undo, UndoDefinition, UndoFunction } from "../definitions/define-undo.ts";
export type { Outcome, OutcomeTotals } from "./run-outcome.ts";
export { Run, type EventOptions, type OutcomeOptions, type TextOptions } from "./run.ts";
export type { RuntimeOptions, Secrets } from "./runtime-options.ts";
export type { Schema, SchemaOutput } from "../definitions/schema.ts";
export type { DurableEvent, SessionEvent } from "./session-event.ts";
export type { DeadLetter, DeadLetterPage, DeadLetterQuery } from "./deliveries/dead-letters.ts";
export type { DeliveryHandler, DeliveryOptions, RecipientOptions } from "./deliveries/recipients.ts";
export type { ScheduleOptions } from "./schedules/schedule-options.ts";
export type { Schedule, SchedulePage, ScheduleQuery } from "./schedules/schedules.ts";
export type { RaiseBudgetOptions } from "./raise-budget.ts";
export type { BudgetOptions } from "./shared-budgets.ts";
export type { BudgetAccount, BudgetQuery } from "./list-budgets.ts";
export type { RunSpending } from "./run-spending.ts";
export type { BudgetLimits } from "./agent-limits.ts";
export type { PromptWindow } from "./prompt-window.ts";
export type { Artifact, ArtifactFile } from "./session-artifacts.ts";
export { Session, type Resolution, type SendOptions, type SessionSnapshot } from "./session.ts";
export { stderrLogger } from "./console-logger.ts";
export type { UpgradeChange, UpgradeFinding } from "./upgrade-check.ts";
export { createSystemClock } from "./system-clock.ts";
export { sha256 } from "./node-sha256.ts";
