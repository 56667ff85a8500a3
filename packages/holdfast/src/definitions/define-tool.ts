import { ConfigurationError } from "../core/errors.ts";
import { DEFAULT_TOOL_RETRY, type RetryPolicy } from "../core/retry-policy.ts";
import type { ToolEffect } from "../core/run-settings.ts";
import type { Tool, ToolContext, Verification } from "../ports/tool.ts";
import type { ToolResource } from "../ports/tool-resource.ts";
import { compileLimits, type CallLimitOptions } from "./call-limits.ts";
import { compileCircuit, type CircuitOptions } from "./circuit-options.ts";
import { compileRule, type ApprovalRule } from "./approval-rule.ts";
import { resolveIsolation, type Isolated } from "./isolated.ts";
import type { Suspension } from "../ports/suspension.ts";
import { checkOptions, checkRetry, positiveInteger } from "./known-options.ts";
import { compileFallback, type FallbackOptions } from "./fallback.ts";
import { compileUndo, type Undo } from "./define-undo.ts";
import { compileSchema, type Schema, type SchemaOutput } from "./schema.ts";
import type { ContentPart } from "./content-part.ts";
import { makeTool, type VerifyResult } from "./make-tool.ts";

/** Everything there is to say about a tool. */
export type ToolDefinition<Input extends Schema, Output, Deps> = {
  /** 1 to 64 letters, digits, `_` or `-`. */
  readonly name: string;
  /** Told to the model: what it does, when to use it. */
  readonly description: string;
  readonly inputSchema: Input;
  /** Checked before the result is journaled. */
  readonly outputSchema?: Schema;
  /**
   * What calling it does to the world. `read` changes nothing. `idempotent` may be repeated with the
   * same `idempotencyKey`. `write` is never repeated blindly: give it a `verify`.
   */
  readonly effect: ToolEffect;
  /** Longest time one attempt may take; 30 s by default. */
  readonly timeoutMs?: number;
  readonly retry?: Partial<RetryPolicy>;
  /**
   * Runs the tool in a thread or a process of its own, where it can be stopped whatever it does, and where what it
   * breaks is its own: `isolated: { module: import.meta.url }`, in the module that exports the tool. It has no `deps`.
   */
  readonly isolated?: Isolated<Deps>;
  /** Longest result shown to the model, in characters; the whole goes to the workspace. 60,000 by default. */
  readonly maxOutputChars?: number;
  /** True: the model is told its last result also when the turn of it has left the window, up to 2,000 characters. */
  readonly pinned?: boolean;
  /** Whether somebody has to approve a call before it runs (E4): always, never, or as the input says. */
  readonly needsApproval?: ApprovalRule<SchemaOutput<Input>, Deps>;
  readonly execute: (
    input: SchemaOutput<Input>,
    context: ToolContext<Deps>,
  ) => Promise<Output | Suspension> | Output | Suspension;
  /** Says whether an attempt of unknown outcome took place; does nothing else. */
  readonly verify?: (
    input: SchemaOutput<Input>,
    context: ToolContext<Deps>,
  ) => Promise<VerifyResult<NoInfer<Output>>> | VerifyResult<NoInfer<Output>>;
  /**
   * Takes back what a call did, when its run fails or is rolled back (E10): with `{ input, output }` of the call. Only for a
   * `write`. A function by itself is taken for a `write` too; say `{ effect: "idempotent", execute }` where it may be repeated.
   */
  readonly undo?: Undo<SchemaOutput<Input>, NoInfer<Output>, Deps>;
  /** A key of your own in place of the one made from session and call. */
  readonly idempotencyKey?: (input: SchemaOutput<Input>) => string;
  /**
   * Not calling it for a while when it keeps failing, in any session: `true` for the defaults. Tools that call the same system
   * can share one by its name. Without it, it is called whatever happens.
   */
  readonly circuit?: true | CircuitOptions;
  /**
   * How many calls may be under way at once, and how often they may begin, in all sessions of this process. A call that does not
   * fit waits for its turn.
   */
  readonly limits?: CallLimitOptions;
  /** What takes its place when it has failed for good: another tool, or its last good answer. */
  readonly fallback?: FallbackOptions;
  /**
   * What it holds open between calls, such as a pool of connections: told when a session comes to rest, closed with the runtime.
   * Several tools may share one.
   */
  readonly resource?: ToolResource;
  /** What the model sees of a result: text, or parts with files. The result as JSON by default. */
  readonly toModelOutput?: (output: NoInfer<Output>) => string | readonly ContentPart[];
};

/** A tool that can be given to agents; `Output` and `Deps` are remembered for inference. */
export type DefinedTool<Input = unknown, Output = unknown, Deps = unknown> = Tool & {
  readonly "~types"?: { readonly input: Input; readonly output: Output; readonly deps: (deps: Deps) => void };
};

const KNOWN = [
  "name",
  "description",
  "inputSchema",
  "outputSchema",
  "effect",
  "timeoutMs",
  "retry",
  "isolated",
  "maxOutputChars",
  "pinned",
  "needsApproval",
  "execute",
  "verify",
  "undo",
  "idempotencyKey",
  "circuit",
  "limits",
  "fallback",
  "resource",
  "toModelOutput",
];
const LATER = ["annotations"];

const DEFAULT_TIMEOUT_MS = 30_000;
export const DEFAULT_MAX_OUTPUT_CHARS = 60_000;

/**
 * Defines a tool. Called twice, so that the type of your dependencies can be said and everything else
 * inferred: `defineTool<Deps>()({ … })`.
 *
 * @throws ConfigurationError when the definition is not usable.
 */
export const defineTool =
  <Deps = unknown>() =>
  <Input extends Schema, Output>(
    definition: ToolDefinition<Input, Output, Deps>,
  ): DefinedTool<SchemaOutput<Input>, Output, Deps> => {
    const owner = `tool "${String(definition.name)}"`;
    checkOptions(definition, { owner, known: KNOWN, later: LATER });
    checkToolName(definition.name);
    checkDefinition(definition, owner);
    const input = compileSchema(definition.inputSchema, `${owner}: inputSchema`);
    const output =
      definition.outputSchema && compileSchema(definition.outputSchema, `${owner}: outputSchema`);
    const { verify, idempotencyKey, toModelOutput, isolated, undo, effect, resource } = definition;
    const timeoutMs = positiveInteger(owner, "timeoutMs", definition.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const retry = checkRetry({ ...DEFAULT_TOOL_RETRY, ...definition.retry }, `${owner}: retry`);
    const isIsolated = isolated !== undefined;
    if (isIsolated && resource !== undefined) throw apart(owner);
    const undoing = compileUndo(undo, { owner, effect, isIsolated, timeoutMs, retry });
    return makeTool({
      name: definition.name,
      description: definition.description,
      input,
      output: output ?? null,
      policy: {
        effect,
        timeoutMs,
        retry,
        canVerify: verify !== undefined,
        by: "runtime",
        undo: undoing?.policy ?? null,
      },
      approval: compileRule(definition.needsApproval, owner),
      maxOutputChars: positiveInteger(
        owner,
        "maxOutputChars",
        definition.maxOutputChars ?? DEFAULT_MAX_OUTPUT_CHARS,
      ),
      ...(isolated === undefined ? {} : { isolation: resolveIsolation(isolated, owner) }),
      // The engine hands over what `input` has let through, and the dependencies the runtime was given.
      execute: async (value, context) =>
        definition.execute(value as SchemaOutput<Input>, context as ToolContext<Deps>),
      ...(verify === undefined
        ? {}
        : {
            verify: async (value: unknown, context: ToolContext): Promise<Verification> => {
              const found = await definition.verify?.(
                value as SchemaOutput<Input>,
                context as ToolContext<Deps>,
              );
              return (found ?? { status: "unknown" }) as Verification;
            },
          }),
      ...sharedOf(definition),
      ...(undoing === null ? {} : { undo: undoing.undo }),
      ...(idempotencyKey === undefined
        ? {}
        : { idempotencyKey: (value: unknown) => idempotencyKey(value as SchemaOutput<Input>) }),
      ...(toModelOutput === undefined
        ? {}
        : { toModelOutput: (value: unknown) => toModelOutput(value as Output) }),
    });
  };

/** What a tool has to do with other calls than the one that is made. */
const sharedOf = ({
  name,
  effect,
  needsApproval,
  circuit,
  limits,
  fallback,
  resource,
  pinned,
}: {
  readonly name: string;
  readonly effect: ToolEffect;
  readonly needsApproval?: unknown;
  readonly circuit?: true | CircuitOptions;
  readonly limits?: CallLimitOptions;
  readonly fallback?: FallbackOptions;
  readonly resource?: ToolResource;
  readonly pinned?: boolean;
}): Pick<Tool, "circuit" | "limits" | "fallback" | "resource" | "isPinned"> => ({
  ...(pinned === true ? { isPinned: true } : {}),
  ...(circuit === undefined ? {} : { circuit: compileCircuit(circuit, { owner: `tool "${name}"`, name }) }),
  ...(limits === undefined ? {} : { limits: compileLimits(limits, name) }),
  ...(fallback === undefined
    ? {}
    : { fallback: compileFallback(fallback, { name, effect, hasApproval: needsApproval !== undefined }) }),
  ...(resource === undefined ? {} : { resource }),
});

const apart = (owner: string): ConfigurationError =>
  new ConfigurationError("DEFINITION_INVALID", `${owner}: an isolated tool has no "resource" here.`, {
    hint: "It runs elsewhere: what it opens there ends with that place.",
  });

const checkDefinition = (
  { effect, execute }: { readonly effect: unknown; readonly execute: unknown },
  owner: string,
): void => {
  checkEffect(effect, owner);
  checkExecute(execute, owner);
};

const TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;

export const checkToolName = (name: unknown): void => {
  if (typeof name === "string" && TOOL_NAME.test(name)) return;
  throw new ConfigurationError("DEFINITION_INVALID", `"${String(name)}" cannot be the name of a tool.`, {
    hint: "Use 1 to 64 letters, digits, _ or -: providers accept nothing else.",
  });
};

const checkEffect = (effect: unknown, owner: string): void => {
  if (effect === "read" || effect === "idempotent" || effect === "write") return;
  throw new ConfigurationError(
    "DEFINITION_INVALID",
    `${owner}: "effect" must be "read", "idempotent" or "write".`,
    {
      hint: 'Say what calling it does to the world. When in doubt: "write", which is never repeated blindly.',
    },
  );
};

const checkExecute = (execute: unknown, owner: string): void => {
  if (typeof execute === "function") return;
  throw new ConfigurationError("DEFINITION_INVALID", `${owner} has no execute function.`);
};
