import { checkFallbacks } from "./check-fallbacks.ts";
import { ConfigurationError } from "../core/errors.ts";
import {
  BUDGET_LIMITS,
  checkBudgetLimits,
  type AgentBudgetLimits,
  type BudgetLimits,
} from "./agent-limits.ts";
import type { ModelChoice } from "./model-choice.ts";
import { checkSettings } from "./check-settings.ts";
import { checkSummary, type SummaryDefinition, type SummaryOptions } from "./summary-options.ts";
import type { InstructionsContext } from "../ports/agent.ts";
import type { ModelSettings } from "../ports/model.ts";
import type { WhenFailed } from "../core/undo-terms.ts";
import { ON_UPGRADE, type OnUpgrade } from "../core/upgrade-terms.ts";
import type { RecallSettings } from "../ports/recall.ts";
import { resolveAgentMemory, type AgentMemory } from "./agent-memory.ts";
import { isWhenActive, WHEN_ACTIVE, type WhenActive } from "../core/when-active.ts";
import type { ToolEffect } from "../core/run-settings.ts";
import { compileRule, type ApprovalRule, type CompiledRule } from "../definitions/approval-rule.ts";
import { checkOptions, positiveInteger } from "../definitions/known-options.ts";
import type { DefinedTool } from "../definitions/define-tool.ts";
import { compileSchema, type CompiledSchema, type Schema, type SchemaOutput } from "../definitions/schema.ts";

/** A call as an agent's approval rule sees it. */
export type ProposedCall = {
  readonly tool: string;
  readonly effect: ToolEffect;
  /** As the tool's schema let it through. */
  readonly input: unknown;
};

export type AgentLimits = BudgetLimits & {
  /** Model calls that begin a turn, in one run; 50 by default. */
  readonly maxTurns?: number;
  /** Time of one run without suspensions; one hour by default. */
  readonly maxDurationMs?: number;
  /** Tool calls of one turn in flight at once; 8 by default. */
  readonly maxParallelToolCalls?: number;
  /**
   * Characters of conversation sent to the model; older turns are left out. Follows from the context
   * window of the smallest of the models, where that is known, and is 400,000 at most by default.
   */
  readonly maxWindowChars?: number;
  /**
   * Tokens of one prompt, by the provider's own counts so far. Follows from the context window of the smallest of the models, where
   * that is known, less what the answer may take.
   */
  readonly maxPromptTokens?: number;
};

/** What tools need of a runtime's `deps`: all that each of them needs. */
type DepsOf<Used> = [Used] extends [{ readonly "~types"?: { readonly deps: (deps: infer Deps) => void } }]
  ? Deps
  : unknown;

type AnyTools = readonly DefinedTool<unknown, unknown, never>[];

/** Limits with their defaults; a window of null follows the models' own limits. */
export type AgentDefinitionLimits = Required<
  Omit<AgentLimits, "maxWindowChars" | "maxPromptTokens" | keyof BudgetLimits>
> & {
  readonly maxWindowChars: number | null;
  readonly maxPromptTokens?: number;
};

/** Everything there is to say about an agent. */
export type AgentOptions<
  Output extends Schema | undefined = Schema | undefined,
  Tools extends AnyTools = AnyTools,
> = {
  readonly name: string;
  /** Yours; a digest of the definition is journaled in any case. */
  readonly version?: string;
  /** One model, or several in order of preference: the next is used when one gives up. */
  readonly model: ModelChoice | readonly ModelChoice[];
  /** Evaluated once a run, and journaled. */
  readonly instructions: string | ((context: InstructionsContext) => string | Promise<string>);
  readonly tools?: Tools;
  /** A schema the final answer must fit; sent back up to twice when it does not. */
  readonly output?: Output;
  /** Whether somebody has to approve a call, for tools that do not ask by themselves (E4). */
  readonly needsApproval?: ApprovalRule<ProposedCall, DepsOf<Tools[number]>>;
  readonly limits?: AgentLimits;
  /** What a run is told of the runtime's memory when it begins; nothing by default. */
  readonly memory?: AgentMemory;
  /**
   * What becomes of an input that comes while a run is active: it waits its turn (`queue`, by default), joins that run
   * before the next model call (`steer`), has it cancelled and is next (`interrupt`), or is refused (`reject`).
   */
  readonly whenActive?: WhenActive;
  /**
   * What becomes of what a run did when it fails: calls of tools that declare an `undo` are undone, the last first (`undo`, by
   * default), or everything stays as it is (`keep`). A cancel with rollback undoes in any case (E10).
   */
  readonly whenFailed?: WhenFailed;
  /**
   * What becomes of an open run when a worker has another definition than the run began with: it goes on with that (`migrate`,
   * by default), waits for a worker that has its own (`pin`), or waits for an operator (`ask`) (S6).
   */
  readonly onUpgrade?: OnUpgrade;
  /** Temperature, maxOutputTokens, toolChoice, reasoning, headers, providerOptions, … */
  readonly settings?: ModelSettings;
  /** A model that sums up what leaves the window; by default the summary is made of the conversation's own words. */
  readonly summary?: SummaryOptions;
};

/** A definition, as data; nothing runs until a runtime has it. */
export type AgentDefinition<Output = string, Deps = unknown> = {
  readonly name: string;
  readonly version: string | null;
  readonly models: readonly ModelChoice[];
  readonly instructions: AgentOptions["instructions"];
  readonly tools: readonly DefinedTool<unknown, unknown, Deps>[];
  readonly output: CompiledSchema | null;
  readonly approval: CompiledRule | null;
  readonly limits: AgentDefinitionLimits;
  /** The limits that budgets are made of. */
  readonly budget: AgentBudgetLimits;
  readonly settings: ModelSettings;
  readonly memory: RecallSettings | null;
  readonly summary: SummaryDefinition | null;
  readonly whenActive: WhenActive;
  readonly whenFailed: WhenFailed;
  readonly onUpgrade: OnUpgrade;
  readonly "~output"?: Output;
};

/** What a run of the agent answers: the type of its `output`, or text. */
export type AgentOutput<Output> = Output extends Schema ? SchemaOutput<Output> : string;

const KNOWN = [
  "name",
  "version",
  "model",
  "instructions",
  "tools",
  "output",
  "needsApproval",
  "limits",
  "settings",
  "memory",
  "summary",
  "whenActive",
  "whenFailed",
  "onUpgrade",
];
const LATER = ["policy", "input", "onFailure", "guardrails"];
const KNOWN_LIMITS = [
  "maxTurns",
  "maxDurationMs",
  "maxParallelToolCalls",
  "maxWindowChars",
  "maxPromptTokens",
  ...BUDGET_LIMITS,
];

/**
 * Defines an agent.
 *
 * @throws ConfigurationError when the definition is not usable.
 */
export const defineAgent = <
  Output extends Schema | undefined = undefined,
  const Tools extends AnyTools = readonly [],
>(
  options: AgentOptions<Output, Tools>,
): AgentDefinition<AgentOutput<Output>, DepsOf<Tools[number]>> => {
  const owner = `agent "${String(options.name)}"`;
  checkOptions(options, { owner, known: KNOWN, later: LATER });
  checkName(options.name);
  const models: readonly ModelChoice[] = isList(options.model) ? options.model : [options.model];
  if (models.length === 0 || models.some((model) => model === undefined || model === "")) {
    throw new ConfigurationError("DEFINITION_INVALID", `${owner} has no model.`, {
      hint: 'Give model: "provider/model", for example "anthropic/claude-sonnet-4-5".',
    });
  }
  if (typeof options.instructions !== "string" && typeof options.instructions !== "function") {
    throw new ConfigurationError("DEFINITION_INVALID", `${owner} has no instructions.`, {
      hint: "Give text, or a function that makes it.",
    });
  }
  checkSettings(options.settings ?? {}, owner);
  const tools: AnyTools = options.tools ?? [];
  checkUnique(
    tools.map((tool) => tool.name),
    owner,
  );
  checkFallbacks(tools, owner);
  return {
    name: options.name,
    version: options.version ?? null,
    models,
    instructions: options.instructions,
    // What the tools need of `deps` is in the result's type; it is checked where a runtime is made.
    tools: tools as readonly DefinedTool<unknown, unknown, DepsOf<Tools[number]>>[],
    output: options.output === undefined ? null : compileSchema(options.output, `${owner}: output`),
    approval: compileRule(options.needsApproval, owner),
    limits: checkLimits(options.limits ?? {}, owner),
    budget: checkBudgetLimits(options.limits ?? {}, `${owner}: limits`),
    settings: options.settings ?? {},
    memory: resolveAgentMemory(options.memory, owner),
    summary: checkSummary(options.summary, owner),
    whenActive: checkWhenActive(options.whenActive ?? "queue", owner),
    whenFailed: checkWhenFailed(options.whenFailed ?? "undo", owner),
    onUpgrade: checkOnUpgrade(options.onUpgrade ?? "migrate", owner),
  };
};

/** One of the four ways there are, or a clear refusal. */
export const checkWhenActive = (value: WhenActive, owner: string): WhenActive => {
  if (isWhenActive(value)) return value;
  throw new ConfigurationError(
    "OPTION_INVALID",
    `${owner}: "whenActive" must be one of ${WHEN_ACTIVE.join(", ")}.`,
  );
};

const checkWhenFailed = (value: WhenFailed, owner: string): WhenFailed => {
  if (value === "undo" || value === "keep") return value;
  throw new ConfigurationError("OPTION_INVALID", `${owner}: "whenFailed" must be "undo" or "keep".`);
};

const checkOnUpgrade = (value: OnUpgrade, owner: string): OnUpgrade => {
  if (ON_UPGRADE.includes(value)) return value;
  throw new ConfigurationError(
    "OPTION_INVALID",
    `${owner}: "onUpgrade" must be one of ${ON_UPGRADE.join(", ")}.`,
  );
};

const isList = (model: ModelChoice | readonly ModelChoice[]): model is readonly ModelChoice[] =>
  Array.isArray(model);

const AGENT_NAME = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$/;

const checkName = (name: unknown): void => {
  if (typeof name === "string" && AGENT_NAME.test(name)) return;
  throw new ConfigurationError("DEFINITION_INVALID", `"${String(name)}" cannot be the name of an agent.`, {
    hint: "Use up to 100 letters, digits, dots, _ or -, beginning with a letter or digit.",
  });
};

const checkUnique = (names: readonly string[], owner: string): void => {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return;
  throw new ConfigurationError("DEFINITION_INVALID", `${owner} has two tools named "${twice}".`);
};

const checkLimits = (limits: AgentLimits, owner: string): AgentDefinitionLimits => {
  const where = `${owner}: limits`;
  checkOptions(limits, { owner: where, known: KNOWN_LIMITS, later: [] });
  return {
    maxTurns: positiveInteger(where, "maxTurns", limits.maxTurns ?? 50),
    maxDurationMs: positiveInteger(where, "maxDurationMs", limits.maxDurationMs ?? 3_600_000),
    maxParallelToolCalls: positiveInteger(where, "maxParallelToolCalls", limits.maxParallelToolCalls ?? 8),
    maxWindowChars:
      limits.maxWindowChars === undefined
        ? null
        : positiveInteger(where, "maxWindowChars", limits.maxWindowChars),
    ...(limits.maxPromptTokens === undefined
      ? {}
      : { maxPromptTokens: positiveInteger(where, "maxPromptTokens", limits.maxPromptTokens) }),
  };
};
