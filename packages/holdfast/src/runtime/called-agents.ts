import { childAgentOf } from "../core/child-call.ts";
import { handOffTarget } from "../core/hand-off-terms.ts";
import { ConfigurationError } from "../core/errors.ts";
import { nearestName } from "../core/nearest-name.ts";
import type { AgentDefinition } from "./define-agent.ts";
import type { DefinedTool } from "./define-tool.ts";

type Definition = AgentDefinition<unknown, never>;

/**
 * The agents a runtime is given, and those that they call, or hand over to. @throws ConfigurationError where a tool names an agent
 * that is not among them, or two of them have one name.
 */
export const withChildren = (given: readonly Definition[]): readonly Definition[] => {
  const all = new Map<string, Definition>();
  const open = [...given];
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    const known = all.get(next.name);
    if (known === next) continue;
    if (known !== undefined)
      throw new ConfigurationError("DEFINITION_INVALID", `Two different agents are named "${next.name}".`, {
        hint: "Sessions find their agent by its name: give each a name of its own.",
      });
    all.set(next.name, next);
    for (const tool of next.tools) open.push(...calledBy(tool));
  }
  for (const agent of all.values()) for (const tool of agent.tools) checkKnown(agent, tool, all);
  return [...all.values()];
};

const calledBy = (tool: DefinedTool<unknown, unknown, never>): readonly Definition[] =>
  "agent" in tool && typeof tool.agent === "object" && tool.agent !== null ? [tool.agent as Definition] : [];

const checkKnown = (
  agent: Definition,
  tool: DefinedTool<unknown, unknown, never>,
  all: ReadonlyMap<string, Definition>,
): void => {
  const target = handOffTarget(tool.policy);
  const named = childAgentOf(tool.policy) ?? target;
  const found = all.get(named ?? "");
  if (named === null) return;
  if (target !== null && found !== undefined) checkAnswers(agent, found);
  if (found !== undefined) return;
  const near = nearestName(named, [...all.keys()]);
  throw new ConfigurationError(
    "DEFINITION_INVALID",
    `Tool "${tool.name}" of agent "${agent.name}" names agent "${named}", which this runtime does not have.`,
    { hint: near === undefined ? "Give it to createRuntime in `agents`." : `Did you mean "${near}"?` },
  );
};

/** Whoever waits for the run expects the answer of the agent it was begun with. */
const checkAnswers = (agent: Definition, next: Definition): void => {
  const formOf = ({ output }: Definition): string => JSON.stringify(output?.jsonSchema ?? null);
  if (formOf(agent) === formOf(next)) return;
  throw new ConfigurationError(
    "DEFINITION_INVALID",
    `Agent "${agent.name}" hands over to "${next.name}", which answers in another form.`,
    { hint: "Give both the same `output`, or neither any." },
  );
};
