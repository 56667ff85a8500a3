import { ModelCallError } from "../core/errors.ts";
import { toBase64Url } from "../core/base64url.ts";
import { toJournalValue } from "../core/journal-value.ts";
import type { JsonValue } from "../core/json.ts";
import type { RetryPolicy } from "../core/retry-policy.ts";
import type { ModelCandidate, RunSettings, SummarySettings } from "../core/run-settings.ts";
import type { DefinitionParts } from "../core/upgrade-terms.ts";
import type { Sha256 } from "../core/hash-chain.ts";
import { fromLanguageModel, isLanguageModel, loadModel, type ModelLimits } from "../models/index.ts";
import type { Agent, OutputFormat, OutputParse, Summariser } from "../ports/agent.ts";
import type { Model } from "../ports/model.ts";
import { areUsual } from "./agent-limits.ts";
import type { AgentDefinition } from "./define-agent.ts";
import type { ModelChoice } from "./model-choice.ts";
import type { SummaryDefinition } from "./summary-options.ts";
import type { CompiledSchema } from "../definitions/schema.ts";

/** Resolved once, when a runtime takes an agent. */
export type AgentSettings = {
  readonly sha256: Sha256;
  readonly modelTimeoutMs: number;
  readonly modelRetry: RetryPolicy;
  /** What is known of models' limits. */
  readonly limits: (provider: string, modelId: string) => ModelLimits;
  /** Where provider packages are looked for. */
  readonly from: string;
};

const MAX_OUTPUT_REPAIRS = 2;

/** Makes what the engine runs from what a user defined. */
export const compileAgent = (definition: AgentDefinition<unknown, never>, settings: AgentSettings): Agent => {
  const candidates = definition.models.map(candidateOf);
  const models = new Map<number, Promise<Model>>();
  return {
    name: definition.name,
    version: definition.version,
    digest: digestOf(definition, candidates, settings.sha256),
    parts: partsOf(definition, candidates, settings.sha256),
    onUpgrade: definition.onUpgrade,
    older: [],
    settings: runSettings(definition, candidates, settings),
    caps: definition.budget,
    modelSettings: definition.settings,
    whenActive: definition.whenActive,
    tools: new Map(definition.tools.map((tool) => [tool.name, tool])),
    output: definition.output === null ? null : outputFormat(definition.output),
    recall: definition.memory,
    fixedInstructions: typeof definition.instructions === "string" ? definition.instructions : null,
    instructions: (context) =>
      typeof definition.instructions === "string"
        ? definition.instructions
        : definition.instructions(context),
    ...approvalOf(definition),
    summariser: summariserOf(definition, settings.from),
    model: (index) => {
      const known = models.get(index);
      if (known !== undefined) return known;
      const made = makeModel(definition.models[index], settings.from);
      models.set(index, made);
      // A package that was missing may be there at the next attempt.
      made.catch(() => models.delete(index));
      return made;
    },
  };
};

/** The tool's own rule first; the agent's for what that lets pass. */
const approvalOf = ({ tools, approval: rule }: AgentDefinition<unknown, never>): Pick<Agent, "approval"> => {
  if (rule === null && !tools.some((tool) => "approval" in tool)) return {};
  return {
    approval: async ({ tool, input }, context) => {
      const asked = (await tool.approval?.(input, context)) ?? null;
      if (asked !== null || rule === null) return asked;
      return rule({ tool: tool.name, effect: tool.policy.effect, input }, context);
    },
  };
};

const summariserOf = ({ summary }: AgentDefinition<unknown, never>, from: string): Summariser | null => {
  if (summary === null) return null;
  let made: Promise<Model> | null = null;
  const model = (): Promise<Model> => {
    if (made !== null) return made;
    const loading = makeModel(summary.model, from);
    made = loading;
    loading.catch(() => {
      made = null;
    });
    return loading;
  };
  return { settings: summary.settings, model };
};

const candidateOf = (choice: ModelChoice): ModelCandidate => {
  if (typeof choice !== "string") return { provider: choice.provider, modelId: choice.modelId };
  const [provider = choice, ...rest] = choice.split("/");
  return { provider, modelId: rest.join("/") };
};

const makeModel = async (choice: ModelChoice | undefined, from: string): Promise<Model> => {
  if (choice === undefined) throw new ModelCallError("MODEL_NOT_CONFIGURED", "The agent has no such model.");
  if (typeof choice === "string") return loadModel(choice, { from });
  return isLanguageModel(choice) ? fromLanguageModel(choice) : choice;
};

const runSettings = (
  definition: AgentDefinition<unknown, never>,
  candidates: readonly ModelCandidate[],
  settings: AgentSettings,
): RunSettings => ({
  maxTurns: definition.limits.maxTurns,
  maxDurationMs: definition.limits.maxDurationMs,
  maxParallelCalls: definition.limits.maxParallelToolCalls,
  maxOutputRepairs: MAX_OUTPUT_REPAIRS,
  maxWindowChars: definition.limits.maxWindowChars ?? windowCharsOf(candidates, settings.limits),
  maxPromptTokens:
    definition.limits.maxPromptTokens ?? promptTokensOf(definition, candidates, settings.limits),
  modelTimeoutMs: settings.modelTimeoutMs,
  modelRetry: settings.modelRetry,
  candidates,
  maxToolCalls: definition.budget.maxToolCalls,
  maxRepeats: definition.budget.maxRepeats,
  budget: null,
  whenFailed: definition.whenFailed,
  summary: definition.summary === null ? null : summarySettings(definition.summary, settings.limits),
});

/** A summary is at most 8,000 characters: so many tokens are enough, with something to think by. */
const SUMMARY_TOKENS = 4_096;

const summarySettings = (
  { model, settings, timeoutMs }: SummaryDefinition,
  limits: AgentSettings["limits"],
): SummarySettings => {
  const candidate = candidateOf(model);
  const maxOutputTokens = settings.maxOutputTokens ?? SUMMARY_TOKENS;
  const context = limits(candidate.provider, candidate.modelId).contextTokens;
  const room = context === null ? Infinity : Math.max(0, context - maxOutputTokens) * SHARE_OF_CONTEXT;
  const maxPromptChars = Math.floor(Math.min(room * WINDOW_CHARS_PER_TOKEN, DEFAULT_WINDOW_CHARS));
  return { ...candidate, maxOutputTokens, timeoutMs, maxPromptChars };
};

const DEFAULT_WINDOW_CHARS = 400_000;
/** Cautious: code and CJK take more tokens than the rule of thumb, and the answer needs room too. */
const WINDOW_CHARS_PER_TOKEN = 2.5;

/** The conversation has to fit each of the models, for any of them may be asked next. */
const windowCharsOf = (candidates: readonly ModelCandidate[], limits: AgentSettings["limits"]): number => {
  const known = candidates.flatMap(({ provider, modelId }) => limits(provider, modelId).contextTokens ?? []);
  const smallest = Math.min(...known) * WINDOW_CHARS_PER_TOKEN;
  return Math.floor(Math.min(smallest, DEFAULT_WINDOW_CHARS));
};

/** What an answer is given room for where nothing is said of it, and at most a quarter of the window. */
const ANSWER_TOKENS = 8_192;
/** Of a window that we cannot count ourselves a little is left. */
const SHARE_OF_CONTEXT = 0.95;

const promptTokensOf = (
  { settings }: AgentDefinition<unknown, never>,
  candidates: readonly ModelCandidate[],
  limits: AgentSettings["limits"],
): number | null => {
  const known = candidates.flatMap(({ provider, modelId }) => limits(provider, modelId).contextTokens ?? []);
  if (known.length === 0) return null;
  const smallest = Math.min(...known);
  const answer = Math.min(settings.maxOutputTokens ?? ANSWER_TOKENS, smallest / 4);
  return Math.floor((smallest - answer) * SHARE_OF_CONTEXT);
};

/** Covers everything in the definition that is data; functions are covered by the author's version (S6). */
const digestOf = (
  definition: AgentDefinition<unknown, never>,
  candidates: readonly ModelCandidate[],
  sha256: Sha256,
): string => {
  const data = toJournalValue({
    name: definition.name,
    version: definition.version,
    candidates,
    instructions: typeof definition.instructions === "string" ? definition.instructions : "function",
    output: definition.output?.jsonSchema ?? null,
    limits: areUsual(definition.budget) ? definition.limits : { ...definition.limits, ...definition.budget },
    settings: definition.settings,
    // Who recalls nothing has the digest of before.
    ...(definition.memory === null ? {} : { memory: definition.memory }),
    // Who has no such model has the digest of before.
    ...(definition.summary === null ? {} : { summary: summaryData(definition.summary) }),
    tools: definition.tools.map(({ name, description, inputSchema, policy, isolation }) => ({
      name,
      description,
      inputSchema,
      // Who declares no undo has the digest of before.
      policy: policy.undo === null ? { ...policy, undo: undefined } : policy,
      // The place of a module differs from machine to machine.
      ...(isolation === undefined ? {} : { isolation: { ...isolation, module: undefined } }),
    })),
  }).value;
  return toBase64Url(sha256("holdfast-agent-1\n", JSON.stringify(data)));
};

const summaryData = ({ model, ...more }: SummaryDefinition): object => ({ ...more, ...candidateOf(model) });

/** Characters of a part's digest: 9 bytes. */
const PART_CHARS = 12;

/** The same data, part by part. */
const partsOf = (
  { instructions, output, limits, budget, settings, memory, tools, summary }: AgentDefinition<unknown, never>,
  candidates: readonly ModelCandidate[],
  sha256: Sha256,
): DefinitionParts => {
  const short = (part: unknown): string => {
    const text = JSON.stringify(toJournalValue(part).value);
    return toBase64Url(sha256("holdfast-part-1\n", text)).slice(0, PART_CHARS);
  };
  return {
    instructions: typeof instructions === "string" ? short(instructions) : null,
    output: output === null ? null : short(output.jsonSchema),
    rest: short({
      candidates,
      limits,
      budget,
      settings,
      ...(memory === null ? {} : { memory }),
      ...(summary === null ? {} : { summary: summaryData(summary) }),
    }),
    tools: Object.fromEntries(
      tools.map(({ name, description, inputSchema, policy }) => [
        name,
        short({ description, inputSchema, policy }),
      ]),
    ),
  };
};

const outputFormat = (schema: CompiledSchema): OutputFormat => ({
  name: "answer",
  schema: schema.jsonSchema,
  parse: async (text): Promise<OutputParse> => {
    const parsed = parseJson(text);
    if (!parsed.ok) return { ok: false, issues: ["The answer is not JSON."] };
    const checked = await schema.check(parsed.value);
    return checked.ok ? { ok: true, value: toJournalValue(checked.value).value } : checked;
  },
});

/** Models like to wrap JSON in a code fence; nothing else is forgiven. */
const FENCE = /^\s*```(?:json)?\s*\n([\s\S]*?)\n?```\s*$/;

const parseJson = (
  text: string,
): { readonly ok: true; readonly value: JsonValue } | { readonly ok: false } => {
  try {
    return { ok: true, value: JSON.parse(FENCE.exec(text)?.[1] ?? text) };
  } catch {
    return { ok: false };
  }
};
