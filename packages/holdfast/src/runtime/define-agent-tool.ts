import { runBy } from "../core/child-call.ts";
import { ConfigurationError, HoldfastError } from "../core/errors.ts";
import { MESSAGE, messageOf } from "./agent-message.ts";
import { compileRule, type ApprovalRule } from "../definitions/approval-rule.ts";
import type { AgentDefinition } from "./define-agent.ts";
import { checkToolName, DEFAULT_MAX_OUTPUT_CHARS, type DefinedTool } from "../definitions/define-tool.ts";
import { checkOptions, positiveInteger } from "../definitions/known-options.ts";
import type { ContentPart } from "../definitions/content-part.ts";
import { makeTool } from "../definitions/make-tool.ts";
import { compileSchema, type Schema, type SchemaOutput } from "../definitions/schema.ts";

/** How an agent is offered to another one. */
export type AgentToolOptions<Input extends Schema, Output> = {
  /** The agent's name by default, with `_` for what a tool's name may not have. */
  readonly name?: string;
  /** Told to the model: what the agent does, when to ask it. */
  readonly description: string;
  /** `{ message: string }` by default. */
  readonly inputSchema?: Input;
  /** What the agent is told; the message by default, or the input as JSON where it has another form. */
  readonly toMessage?: (input: SchemaOutput<Input>) => string;
  /** How long it is waited for; for ever by default. Then the agent is stopped, and the model is told. */
  readonly timeoutMs?: number;
  readonly needsApproval?: ApprovalRule<SchemaOutput<Input>>;
  readonly maxOutputChars?: number;
  readonly toModelOutput?: (output: NoInfer<Output>) => string | readonly ContentPart[];
  /**
   * Who runs it: this runtime, in a session of its own (by default), or whoever called the agent: then the call is handed
   * over like one of `defineCallerTool`, and they decide what to do about it.
   */
  readonly by?: "runtime" | "caller";
};

const KNOWN = [
  "name",
  "description",
  "inputSchema",
  "toMessage",
  "timeoutMs",
  "needsApproval",
  "maxOutputChars",
  "toModelOutput",
  "by",
];

/** A tool that is an agent; a runtime that is given the tool has the agent as well. */
export type AgentTool<Input = unknown, Output = unknown> = DefinedTool<Input, Output> & {
  /** Null where it was named only: then the runtime has to be given it. */
  readonly agent: AgentDefinition<Output, never> | null;
};

/**
 * Makes a tool of an agent. A call of it begins a run of that agent in a session of its own (its child), with the tenant,
 * user and attributes of the caller's; what that run answers is the call's result. It spends from the budgets of the run that
 * called it (E8), is stopped with it (E5), and survives whatever that survives. By name, an agent can call itself.
 *
 * @throws ConfigurationError when the definition is not usable.
 */
export const agentTool = <Output = string, Input extends Schema = typeof MESSAGE>(
  agent: AgentDefinition<Output, never> | string,
  options: AgentToolOptions<Input, Output>,
): AgentTool<SchemaOutput<Input>, Output> => {
  const agentName = typeof agent === "string" ? agent : agent.name;
  const {
    name = agentName.replaceAll(/[^a-zA-Z0-9_-]/g, "_").slice(0, 64),
    timeoutMs,
    by = "runtime",
  } = options;
  const owner = `tool "${name}"`;
  checkOptions(options, { owner, known: KNOWN, later: [] });
  checkToolName(name);
  if (by !== "runtime" && by !== "caller")
    throw new ConfigurationError("DEFINITION_INVALID", `${owner}: "by" must be "runtime" or "caller".`);
  const { toMessage, toModelOutput } = options;
  const tool = makeTool({
    name,
    description: options.description,
    input: compileSchema(options.inputSchema ?? MESSAGE, `${owner}: inputSchema`),
    output: null,
    policy: {
      effect: "write",
      timeoutMs: timeoutMs === undefined ? 0 : positiveInteger(owner, "timeoutMs", timeoutMs),
      retry: { maxAttempts: 1, initialDelayMs: 0, maxDelayMs: 0 },
      canVerify: false,
      by: by === "caller" ? "caller" : runBy(agentName),
      undo: null,
    },
    maxOutputChars: positiveInteger(
      owner,
      "maxOutputChars",
      options.maxOutputChars ?? DEFAULT_MAX_OUTPUT_CHARS,
    ),
    approval: compileRule(options.needsApproval, owner),
    execute: async () => {
      throw new HoldfastError("INTERNAL", `${owner} is run by an agent.`);
    },
    toMessage: (input) =>
      toMessage === undefined ? messageOf(input) : toMessage(input as SchemaOutput<Input>),
    ...(toModelOutput === undefined ? {} : { toModelOutput: (value) => toModelOutput(value as Output) }),
  });
  return { ...tool, agent: typeof agent === "string" ? null : agent };
};
