export type { Agent, InputBody, InstructionsContext, OutputFormat, OutputParse } from "./agent.ts";
export type { ApprovalContext, ApprovalRequest } from "./approval.ts";
export type { Clock, Timer } from "./clock.ts";
export type {
  DueDutiesQuery,
  Duty,
  DutyChange,
  DutyKind,
  DutyName,
  DutyPage,
  DutyQuery,
  NewDuty,
  NextWake,
} from "./duty.ts";
export type {
  Blob,
  CommitAnswer,
  CommitRequest,
  ConflictReason,
  CreateRequest,
  Damage,
  DueQuery,
  DueSession,
  JournalStore,
  Lease,
  LeaseChange,
  ListQuery,
  ListedSession,
  LoadedSession,
  NewSignal,
  PostAnswer,
  Reservation,
  SessionHead,
  SessionOwner,
  SessionPage,
  SessionSummary,
  Settlement,
  Signal,
  SignalKind,
  Snapshot,
} from "./journal-store.ts";
export type {
  MemoryAnswer,
  MemoryBatch,
  MemoryChange,
  MemoryErasure,
  MemoryFilter,
  MemoryHit,
  MemoryKind,
  MemoryListQuery,
  MemoryOrigin,
  MemoryPage,
  MemoryReader,
  MemoryRecord,
  MemoryRevision,
  MemoryScope,
  MemorySearch,
  MemorySource,
  MemoryStore,
  MemorySweep,
  MemoryViewer,
  NewMemory,
} from "./memory-store.ts";
export type {
  Model,
  ModelAnswer,
  ModelDelta,
  ModelRequest,
  ModelSettings,
  PriceList,
  ReasoningEffort,
  ToolChoice,
  ToolDeclaration,
} from "./model.ts";
export type { Sandbox, SandboxOutput, SandboxPlace, SandboxTask, SandboxVerification } from "./sandbox.ts";
export type { Span, SpanAttributes, SpanEnd, SpanStart, Telemetry } from "./telemetry.ts";
export type { ToolResource } from "./tool-resource.ts";
export type {
  LogFields,
  LogLevel,
  Logger,
  ParsedInput,
  SandboxKind,
  Tool,
  ToolContext,
  ToolIsolation,
  Verification,
  Workspace,
} from "./tool.ts";
export type { Artifacts, NewArtifact, SavedArtifact } from "./artifacts.ts";
export type { SessionContext } from "./session-context.ts";
