export { journalStoreContract, type JournalStoreSetup } from "./conformance/journal-store.ts";
export {
  type ContractCase,
  type SteppedClock,
  type StoreCapability,
  type StoreSubject,
} from "./conformance/contract-case.ts";
export { memoryStoreContract, type MemoryStoreSetup } from "./conformance/memory-store.ts";
export type { MemoryCapability, MemorySubject } from "./conformance/memory-case.ts";
export { createTestRuntime, type TestRuntime, type TestRuntimeOptions } from "./create-test-runtime.ts";
export {
  createFaultyStore,
  type Fault,
  type FaultyStore,
  type StoreCall,
  type StoreOperation,
} from "./faulty-store.ts";
export { createManualClock, type ManualClock } from "./manual-clock.ts";
export { checkHistory } from "./simulation/checker/history-checker.ts";
export type { Acknowledged, Activity, EffectEntry, History, Sighting } from "./simulation/checker/history.ts";
export type { Rule, Violation } from "./simulation/checker/rules.ts";
export { reachableCells } from "./simulation/reachable-cells.ts";
export { shrink, type Played } from "./simulation/shrink.ts";
export { simulate, type SimulateOptions, type SimulationResult } from "./simulation/simulate.ts";
export { createInMemoryStore, type InMemoryStore } from "../stores/index.ts";
export {
  scriptedModel,
  type Script,
  type ScriptedFailure,
  type ScriptedModelOptions,
  type ScriptedStep,
  type ScriptedToolCall,
  type ScriptedTurn,
} from "../models/index.ts";
export {
  createModelServer,
  type ModelServer,
  type ModelServerOptions,
  type RefusalReason,
  type WireFault,
  type WireRequest,
  type WireScript,
  type WireStep,
  type WireToolCall,
  type WireToolResult,
  type WireTurn,
} from "./wire/index.ts";
