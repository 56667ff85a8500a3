/** What the model sees of a long session, and how it finds the rest. */
import { defineAgent, type AgentDefinition, type AgentOptions } from "holdfast";
import { historyTool } from "holdfast/tools";

export const defineClerk = (
  model: AgentOptions["model"],
  tools: NonNullable<AgentOptions["tools"]>,
): AgentDefinition<string> => {
  // #region window
  const clerk = defineAgent({
    name: "clerk",
    model,
    instructions: "Work through the claims.",
    tools: [...tools, historyTool()],
    limits: { maxPromptTokens: 32_000 },
  });
  // #endregion window
  return clerk as AgentDefinition<string>;
};
