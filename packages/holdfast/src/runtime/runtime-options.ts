import { availableParallelism } from "node:os";
import { ConfigurationError, HoldfastError } from "../core/errors.ts";
import type { LaneWeights } from "../core/fair-queue.ts";
import { DEFAULT_MODEL_RETRY, type RetryPolicy } from "../core/retry-policy.ts";
import type { Decider, ModelTimeouts } from "../engine/services.ts";
import type { ModelPrice } from "../models/index.ts";
import type { Budget } from "../ports/budget.ts";
import type { Interceptor } from "../ports/interceptor.ts";
import type { Clock } from "../ports/clock.ts";
import type { JournalStore } from "../ports/journal-store.ts";
import type { MemoryStore } from "../ports/memory-store.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { Logger } from "../ports/tool.ts";
import type { AgentDefinition } from "./define-agent.ts";
import { DEFAULT_CIRCUIT, type CircuitPolicy } from "../core/circuit.ts";
import { compileCircuit, type CircuitOptions } from "../definitions/circuit-options.ts";
import { checkInterceptors } from "./check-interceptors.ts";
import { checkLimits } from "./check-limits.ts";
import { checkMemory, type MemoryOptions, type MemorySettings } from "./check-memory.ts";
import { compileBudgets, type BudgetOptions } from "./shared-budgets.ts";
import {
  resolveExtraction,
  type ExtractionOptions,
  type ExtractionSettings,
} from "./extraction/extraction-options.ts";
import { DELIVERY_HOOKS, type DeliveryOptions } from "./deliveries/recipients.ts";
import { checkRetry, checkOptions, positiveInteger, wholeNumber } from "../definitions/known-options.ts";

/** Secrets by name, or a function that finds them. Their values never enter the journal (O2). */
export type Secrets = Readonly<Record<string, string>> | ((name: string) => string | undefined);

export type RuntimeOptions<Deps = unknown> = DeliveryOptions & {
  readonly agents: readonly AgentDefinition<unknown, Deps>[];
  /** Where sessions are kept; `.holdfast` by default. */
  readonly dataDir?: string;
  /** Handed to every tool as `ctx.deps`. */
  readonly deps?: Deps;
  readonly secrets?: Secrets;
  /** Asked about every tool call, in this order: they may refuse it, change its arguments or its result, or answer in its place (E4). */
  readonly interceptors?: readonly Interceptor<Deps>[];
  readonly logger?: Logger;
  readonly telemetry?: Telemetry;
  /** `full` (default) survives power loss; `relaxed` only the death of the process. */
  readonly durability?: "full" | "relaxed";
  /** Prices of your own by "provider/model", in US dollars per million tokens. */
  readonly prices?: Readonly<Record<string, ModelPrice>>;
  /** Limits that many runs share: of a session, a user, a tenant (E8). */
  readonly budgets?: readonly BudgetOptions[];
  /** Limits of one model call, in milliseconds. */
  readonly modelTimeouts?: Partial<ModelTimeouts>;
  readonly modelRetry?: Partial<RetryPolicy>;
  /**
   * Not calling a model for a while when it keeps failing, in any session: `true` for the defaults. An agent's next model is asked
   * at once then; where there is none, the call waits.
   */
  readonly modelCircuit?: true | Omit<CircuitOptions, "name">;
  /** Sessions advanced at once; 1,000 by default. */
  readonly maxActiveSessions?: number;
  /** How many isolated tools may run at once; as many threads and as many processes as the machine has processors, and at least 4. */
  readonly isolation?: Partial<IsolationLimits>;
  /**
   * How many turns in a row a tenant has, where several wait for a session to be worked or for an isolated tool to run;
   * 1 for tenants that are not named. Sessions without a tenant share a turn.
   */
  readonly tenantWeights?: Readonly<Record<string, number>>;
  /** How long `close` waits for what is in flight; 10 s by default. */
  readonly drainTimeoutMs?: number;
  /** A store of your own, instead of SQLite in `dataDir`. */
  readonly store?: JournalStore;
  /**
   * What is known beyond sessions, as `runtime.memory`, and how long it is kept. Whoever opened it closes it, after the runtime. What
   * has expired is removed by the hour.
   */
  readonly memory?: MemoryStore | MemoryOptions;
  /** What is worth knowing of a run that completed is taken into the memory, by runs of an agent of their own. */
  readonly extraction?: ExtractionOptions;
  readonly clock?: Clock;
  /** Decides what a session owes, in place of `plan`. */
  readonly decide?: Decider;
  /** False: only look and post; another process does the work. */
  readonly isWorker?: boolean;
};

/** Places for isolated tools. */
export type IsolationLimits = { readonly maxThreads: number; readonly maxProcesses: number };

const KNOWN = [
  "agents",
  "dataDir",
  "deps",
  "secrets",
  "logger",
  "telemetry",
  "durability",
  "prices",
  "budgets",
  "interceptors",
  "modelTimeouts",
  "modelRetry",
  "modelCircuit",
  "maxActiveSessions",
  "isolation",
  "tenantWeights",
  "drainTimeoutMs",
  "store",
  "memory",
  "extraction",
  "clock",
  "decide",
  "isWorker",
  ...DELIVERY_HOOKS,
];
const LATER = ["policy", "webhooks", "sandboxes", "waker", "onFailure", "approvals"];

export type RuntimeSettings = MemorySettings & {
  readonly dataDir: string;
  readonly durability: "full" | "relaxed";
  readonly timeouts: ModelTimeouts;
  readonly modelRetry: RetryPolicy;
  readonly maxActiveSessions: number;
  readonly isolation: IsolationLimits;
  readonly weightOf: LaneWeights;
  readonly drainTimeoutMs: number;
  readonly isWorker: boolean;
  readonly budgets: readonly Budget[];
  readonly interceptors: readonly Interceptor[];
  readonly modelCircuit: CircuitPolicy | null;
  readonly extraction: ExtractionSettings | null;
};

const DEFAULT_TIMEOUTS: ModelTimeouts = { firstTokenMs: 120_000, gapMs: 60_000, totalMs: 600_000 };

/** Each model has a circuit of its own, so none of them can be named. */
const checkModelCircuit = (asked: RuntimeOptions["modelCircuit"], owner: string): CircuitPolicy | null => {
  if (asked === undefined) return null;
  const where = `${owner}: modelCircuit`;
  if (asked !== true) checkOptions(asked, { owner: where, known: Object.keys(DEFAULT_CIRCUIT), later: [] });
  return compileCircuit(asked, { owner: where, name: "model" }).policy;
};

/** Resolves options once, at the door. @throws ConfigurationError */
export const resolveOptions = (options: Omit<RuntimeOptions<never>, "deps">): RuntimeSettings => {
  const owner = "createRuntime";
  checkOptions(options, { owner, known: KNOWN, later: LATER });
  if (!Array.isArray(options.agents)) {
    throw new ConfigurationError("OPTION_INVALID", `${owner}: "agents" must be a list of agents.`, {
      hint: "Give agents: [defineAgent({ … })].",
    });
  }
  checkLimits(options.agents);
  return {
    dataDir: options.dataDir ?? ".holdfast",
    durability: checkDurability(options.durability ?? "full"),
    timeouts: checkTimeouts({ ...DEFAULT_TIMEOUTS, ...options.modelTimeouts }),
    modelRetry: checkRetry({ ...DEFAULT_MODEL_RETRY, ...options.modelRetry }, `${owner}: modelRetry`),
    maxActiveSessions: positiveInteger(owner, "maxActiveSessions", options.maxActiveSessions ?? 1_000),
    isolation: checkIsolation(options.isolation ?? {}),
    weightOf: checkWeights(options.tenantWeights ?? {}),
    drainTimeoutMs: wholeNumber(owner, "drainTimeoutMs", options.drainTimeoutMs ?? 10_000),
    isWorker: options.isWorker ?? true,
    budgets: compileBudgets(options.budgets ?? []),
    modelCircuit: checkModelCircuit(options.modelCircuit, owner),
    ...checkMemory(options.memory),
    extraction: resolveExtraction(options.extraction, options.memory !== undefined),
    interceptors: checkInterceptors((options.interceptors ?? []) as readonly Interceptor[], options.agents),
  };
};

const checkTimeouts = (timeouts: ModelTimeouts): ModelTimeouts => {
  const owner = "createRuntime: modelTimeouts";
  checkOptions(timeouts, { owner, known: Object.keys(DEFAULT_TIMEOUTS), later: [] });
  for (const [name, value] of Object.entries(timeouts)) positiveInteger(owner, name, value);
  return timeouts;
};

const MIN_PLACES = 4;

const checkIsolation = (limits: Partial<IsolationLimits>): IsolationLimits => {
  const owner = "createRuntime: isolation";
  checkOptions(limits, { owner, known: ["maxThreads", "maxProcesses"], later: [] });
  const usual = Math.max(MIN_PLACES, availableParallelism());
  return {
    maxThreads: positiveInteger(owner, "maxThreads", limits.maxThreads ?? usual),
    maxProcesses: positiveInteger(owner, "maxProcesses", limits.maxProcesses ?? usual),
  };
};

const checkWeights = (weights: Readonly<Record<string, number>>): LaneWeights => {
  const known = new Map(Object.entries(weights));
  for (const [tenant, weight] of known) positiveInteger("createRuntime: tenantWeights", tenant, weight);
  return (tenant) => (tenant === null ? 1 : (known.get(tenant) ?? 1));
};

const checkDurability = (durability: RuntimeSettings["durability"]): RuntimeSettings["durability"] => {
  if (durability === "full" || durability === "relaxed") return durability;
  throw new ConfigurationError("OPTION_INVALID", 'createRuntime: "durability" must be "full" or "relaxed".');
};

export const findSecret = (secrets: Secrets | undefined, name: string): string => {
  const value = typeof secrets === "function" ? secrets(name) : secrets?.[name];
  if (value !== undefined) return value;
  throw new HoldfastError("SECRET_NOT_FOUND", `There is no secret "${name}".`, {
    hint: "Give it to createRuntime in `secrets`.",
    retryable: false,
  });
};
