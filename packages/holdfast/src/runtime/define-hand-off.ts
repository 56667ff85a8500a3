import { HISTORIES, handsTo, type History } from "../core/hand-off-terms.ts";
import { ConfigurationError, HoldfastError } from "../core/errors.ts";
import { MESSAGE, messageOf } from "./agent-message.ts";
import { compileRule, type ApprovalRule } from "../definitions/approval-rule.ts";
import type { AgentDefinition } from "./define-agent.ts";
import type { AgentTool } from "./define-agent-tool.ts";
import { checkToolName } from "../definitions/define-tool.ts";
import { checkOptions } from "../definitions/known-options.ts";
import { makeTool } from "../definitions/make-tool.ts";
import { compileSchema, type Schema, type SchemaOutput } from "../definitions/schema.ts";

/** How a session can be handed over to another agent. */
export type HandOffOptions<Input extends Schema> = {
  /** `hand_over_to_` and the agent's name by default. */
  readonly name?: string;
  /** Told to the model: when the other agent is the right one. */
  readonly description: string;
  /** `{ message: string }` by default. */
  readonly inputSchema?: Input;
  /** With `history: "message"`, what the other agent is told; the message by default. */
  readonly toMessage?: (input: SchemaOutput<Input>) => string;
  /** Whether the other agent sees the whole conversation (`full`, by default), or only what it is told (`message`). */
  readonly history?: History;
  readonly needsApproval?: ApprovalRule<SchemaOutput<Input>>;
  /**
   * Who does it: this runtime (by default), or whoever called the agent: then the call is handed to them like one of
   * `defineCallerTool`, and they decide what to do about it.
   */
  readonly by?: "runtime" | "caller";
};

const KNOWN = ["name", "description", "inputSchema", "toMessage", "history", "needsApproval", "by"];

/**
 * Makes a tool that hands the session over to another agent: when everything else of the turn is done, that agent goes on
 * with the run, by its own models, instructions and tools and within the limits that the run began with, and has
 * the session from then on. Both have to answer in the same form (`output`).
 *
 * @throws ConfigurationError when the definition is not usable.
 */
export const handOffTool = <Input extends Schema = typeof MESSAGE>(
  agent: AgentDefinition<unknown, never> | string,
  options: HandOffOptions<Input>,
): AgentTool<SchemaOutput<Input>> => {
  const agentName = typeof agent === "string" ? agent : agent.name;
  const { name = toolNameOf(agentName), history = "full", by = "runtime", toMessage } = options;
  const owner = `tool "${name}"`;
  checkOptions(options, { owner, known: KNOWN, later: [] });
  checkToolName(name);
  if (!HISTORIES.includes(history))
    throw new ConfigurationError("DEFINITION_INVALID", `${owner}: "history" must be "full" or "message".`);
  if (by !== "runtime" && by !== "caller")
    throw new ConfigurationError("DEFINITION_INVALID", `${owner}: "by" must be "runtime" or "caller".`);
  const tool = makeTool({
    name,
    description: options.description,
    input: compileSchema(options.inputSchema ?? MESSAGE, `${owner}: inputSchema`),
    output: null,
    policy: {
      effect: "write",
      timeoutMs: 0,
      retry: { maxAttempts: 1, initialDelayMs: 0, maxDelayMs: 0 },
      canVerify: false,
      undo: null,
      by: by === "caller" ? "caller" : handsTo(agentName),
    },
    maxOutputChars: 1_000,
    approval: compileRule(options.needsApproval, owner),
    execute: async () => {
      throw new HoldfastError("INTERNAL", `${owner} hands a session over.`);
    },
    toMessage: (input) =>
      toMessage === undefined ? messageOf(input) : toMessage(input as SchemaOutput<Input>),
    history,
  });
  return { ...tool, agent: typeof agent === "string" ? null : agent };
};

const toolNameOf = (agent: string): string =>
  `hand_over_to_${agent.replaceAll(/[^a-zA-Z0-9_-]/g, "_")}`.slice(0, 64);
