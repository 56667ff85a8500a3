import { z } from "zod";
import { scriptedModel } from "../../models/index.ts";
import type { Model } from "../../ports/model.ts";
import {
  defineAgent,
  defineTool,
  type AgentDefinition,
  type ApprovalRule,
  type DefinedTool,
  type ProposedCall,
  type UndoDefinition,
} from "../../runtime/index.ts";
import type { CallLimitOptions } from "../../definitions/call-limits.ts";
import type { ToolEffect } from "../../core/run-settings.ts";
import type { Random } from "./random.ts";
import { restless, type RestlessParts } from "./restless-model.ts";
import { hearing, MOST_TOKENS } from "./simulated-budget.ts";
import { nextStep, type ModelParts } from "./simulated-model.ts";
import { summariserOn, type Summaries } from "./simulated-summariser.ts";
import { shownToModel } from "./tool-result.ts";
import type { UndoKind, Undos } from "./undos.ts";
import type { WorldDeps } from "./world.ts";

const INPUT = z.object({ n: z.number() });
/** Takes whatever it is given, as some schemas do. */
const LENIENT = INPUT.catch({ n: 0 });
/** A later version takes less than an earlier one did, and says the same of itself. */
const STRICT = INPUT.refine(({ n }) => n % 4 !== 0, "no longer taken");
/** What the answer of some agents has to look like. */
const OUTPUT = z.object({ sum: z.number() });

type Kind = {
  readonly effect: ToolEffect;
  readonly timeoutMs: number;
  readonly canVerify: boolean;
  readonly retry?: {
    readonly maxAttempts: number;
    readonly initialDelayMs: number;
    readonly maxDelayMs?: number;
  };
  /** Whether it makes its idempotency key from the input. */
  readonly isKeyed?: boolean;
  readonly schema?: typeof INPUT | typeof LENIENT;
  readonly undo?: UndoKind | null;
  readonly limits?: CallLimitOptions | null;
};

const makeTool = (
  name: string,
  {
    effect,
    timeoutMs,
    canVerify,
    retry = { maxAttempts: 3, initialDelayMs: 250 },
    isKeyed = false,
    schema = INPUT,
    undo = null,
    limits = null,
  }: Kind,
): DefinedTool<unknown, unknown, WorldDeps> =>
  defineTool<WorldDeps>()({
    name,
    description: name,
    inputSchema: schema,
    effect,
    timeoutMs,
    execute: (input, context) =>
      context.deps.world.execute({ tool: name, input, context, effect, timeoutMs }),
    retry,
    ...(effect === "read" ? { toModelOutput: shownToModel } : {}),
    ...(isKeyed ? { idempotencyKey: (input: unknown) => `${name} ${JSON.stringify(input)}` } : {}),
    ...(canVerify
      ? {
          verify: (input, context) =>
            context.deps.world.verify({ tool: name, input, context, effect, timeoutMs }),
        }
      : {}),
    ...(undo === null ? {} : { undo: undoOf(name, undo, timeoutMs) }),
    ...(limits === null ? {} : { limits }),
  });

/** Takes place in the world like a call, under its own key, and is entered with the call that it undoes. */
const undoOf = (
  name: string,
  { effect, canVerify }: UndoKind,
  timeoutMs: number,
): UndoDefinition<unknown, unknown, WorldDeps> => ({
  effect,
  execute: (input, context) => context.deps.world.execute({ tool: name, input, context, effect, timeoutMs }),
  ...(canVerify
    ? {
        verify: (input, context) =>
          context.deps.world.verify({ tool: name, input, context, effect, timeoutMs }),
      }
    : {}),
});

/** A tool of every kind there is. `ship` outlives a lease. */
const toolsTaking = (
  schema: typeof INPUT,
  undos: Pick<Undos, "kindOf"> = { kindOf: () => null },
  limits: CallLimitOptions | null = null,
): readonly ReturnType<typeof makeTool>[] => [
  makeTool("look", { effect: "read", timeoutMs: 5_000, canVerify: false, schema: LENIENT, limits }),
  makeTool("put", {
    effect: "idempotent",
    timeoutMs: 8_000,
    canVerify: false,
    retry: { maxAttempts: 4, initialDelayMs: 4_000, maxDelayMs: 9_000 },
    isKeyed: true,
  }),
  makeTool("pay", {
    effect: "write",
    timeoutMs: 10_000,
    canVerify: true,
    schema,
    undo: undos.kindOf("pay"),
    limits,
  }),
  makeTool("tell", {
    effect: "write",
    timeoutMs: 10_000,
    canVerify: false,
    schema,
    undo: undos.kindOf("tell"),
  }),
  makeTool("ship", {
    effect: "write",
    timeoutMs: 150_000,
    canVerify: true,
    schema,
    undo: undos.kindOf("ship"),
    limits,
  }),
];

/** Names of the tools that a complete process has. */
export const TOOL_NAMES: ReadonlySet<string> = new Set(toolsTaking(INPUT).map(({ name }) => name));
/** What a process of an older version lacks. */
const NEWER: ReadonlySet<string> = new Set(["ship", "put"]);

/** Limits of this seed's agent: tight ones are reached. */
export type AgentLimits = {
  readonly maxTurns: number;
  readonly maxParallelToolCalls: number;
  readonly maxWindowChars: number;
  readonly maxDurationMs: number;
  /** Whether its answer has to be of a certain form. */
  readonly hasOutput: boolean;
  /** Whether some processes are of a version whose tools take less. */
  readonly isMixed: boolean;
  /** Whether some processes are of a version that lacks some of the tools. */
  readonly isRolling: boolean;
  /** How many calls of `LIMITED` tools a process may have under way at once, and how often they begin; null for any number. */
  readonly calls: (CallLimitOptions & { readonly maxConcurrent: number; readonly maxWaitMs: number }) | null;
};

/** Tools that go to one bank, which bears so much and no more. */
export const LIMITED: ReadonlySet<string> = new Set(["look", "pay", "ship"]);

export const drawCallLimits = (random: Random): AgentLimits["calls"] =>
  random.chance(0.12)
    ? {
        name: "bank",
        maxConcurrent: random.pick([1, 1, 2, 3]),
        maxWaitMs: random.pick([4_000, 20_000, 200_000, 600_000]),
        ...(random.chance(0.4)
          ? { rate: { calls: random.between(1, 4), perMs: random.pick([1_000, 6_000]) } }
          : {}),
      }
    : null;

export const drawLimits = (random: Random): Omit<AgentLimits, "calls"> => ({
  maxTurns: random.pick([4, 7, 12, 12]),
  maxParallelToolCalls: random.pick([1, 2, 3]),
  maxWindowChars: random.pick([900, 1_800, 2_500, 6_000, 30_000]),
  maxDurationMs: random.pick([40_000, 150_000, 900_000, 900_000]),
  hasOutput: random.chance(0.2),
  isMixed: random.chance(0.25),
  isRolling: random.chance(0.15),
});

/** The tools that one process has. */
const toolsOf = (
  { isMixed, isRolling, calls }: Pick<AgentLimits, "isMixed" | "isRolling" | "calls">,
  { chaos: { random }, undos }: Pick<ModelParts, "chaos"> & { readonly undos: Undos },
): ReturnType<typeof toolsTaking> => {
  const tools = toolsTaking(isMixed && random.chance(0.5) ? STRICT : INPUT, undos, calls);
  const lacks = isRolling && random.chance(0.5);
  return lacks ? tools.filter(({ name }) => !NEWER.has(name)) : tools;
};

/** The agent as one process knows it: the same definition everywhere, models that wait by its clock. */
export const simulatedAgent = (
  { hasOutput, isMixed, isRolling, calls, ...limits }: AgentLimits,
  parts: ModelParts &
    RestlessParts & {
      readonly needsApproval: ApprovalRule<ProposedCall> | undefined;
      readonly undos: Undos;
      readonly summaries: Summaries;
    },
): AgentDefinition<unknown, WorldDeps> => {
  const { clock } = parts.process;
  const { budget } = parts;
  const model = (provider: string): Model =>
    restless(
      hearing(
        budget,
        scriptedModel((turn) => nextStep(turn, { provider, hasOutput }, parts), {
          clock,
          provider,
          modelId: provider,
        }),
      ),
      parts,
    );
  return defineAgent({
    name: AGENT,
    instructions: ({ session }) => session.id,
    tools: toolsOf({ isMixed, isRolling, calls }, parts),
    model: [model("first"), model("second")],
    limits: { ...limits, ...budget?.limits },
    ...(budget === null ? {} : { settings: { maxOutputTokens: MOST_TOKENS } }),
    ...(hasOutput ? { output: OUTPUT } : {}),
    whenFailed: parts.undos.whenFailed,
    ...summariserOn(parts.summaries, parts.process),
    ...(parts.needsApproval === undefined ? {} : { needsApproval: parts.needsApproval }),
  });
};

export const AGENT = "clerk";
export const OTHER_AGENT = "porter";

/** An agent that nobody talks to: what is kept for the other must not be taken for its own. */
export const otherAgent = ({ clock }: ModelParts["process"]): AgentDefinition<string, WorldDeps> =>
  defineAgent({ name: OTHER_AGENT, instructions: "", model: scriptedModel([], { clock }) });
