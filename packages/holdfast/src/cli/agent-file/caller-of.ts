import { NotFoundError, type JsonObject } from "../../core/index.ts";
import { nearestName } from "../../core/index.ts";
import type { AgentDefinition } from "../../runtime/index.ts";
import { scriptedModel } from "../../testing/index.ts";

/** What a tool gave, as a model would read it. */
export type Told = { readonly type: string; readonly value: unknown };

/**
 * The agent with a script in place of its model, which calls one tool once: dispatch, limits, approvals and journal are
 * those of any run. `told` gets what the model is told of the call.
 */
export const callerOf = (
  agent: AgentDefinition<unknown>,
  { tool, input }: { readonly tool: string; readonly input: JsonObject },
  told: (output: Told) => void,
): AgentDefinition<unknown> => {
  const names = agent.tools.map(({ name }) => name);
  if (!names.includes(tool)) {
    const near = nearestName(tool, names);
    throw new NotFoundError("TOOL_UNKNOWN", `Agent "${agent.name}" has no tool "${tool}".`, {
      hint: near === undefined ? `It has: ${names.join(", ") || "none"}.` : `Did you mean "${near}"?`,
    });
  }
  return {
    ...agent,
    models: [
      scriptedModel(({ toolResults }) => {
        const [result] = toolResults;
        if (result === undefined) return { toolCalls: [{ name: tool, input }] };
        told(result.output);
        return { text: "The call is over." };
      }),
    ],
    output: null,
    whenFailed: "keep",
    // Nobody knows what a script costs, and it costs nothing.
    budget: { ...agent.budget, onUnknownPrice: "allow" },
  };
};
