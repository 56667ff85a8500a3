/** An agent that keeps a list of what it has to do. */
import { defineAgent, type AgentDefinition, type AgentOptions } from "holdfast";
import { taskTool } from "holdfast/tools";

export const defineClerk = (
  model: AgentOptions["model"],
  tools: NonNullable<AgentOptions["tools"]>,
): AgentDefinition<string> => {
  // #region tasks
  const clerk = defineAgent({
    name: "clerk",
    model,
    instructions: "Work through the claims. Keep your list of tasks up to date.",
    tools: [...tools, taskTool()],
  });
  // #endregion tasks
  return clerk as AgentDefinition<string>;
};
