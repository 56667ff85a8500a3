import { defineAgent, type AgentDefinition, type ModelChoice } from "holdfast";

export const defineInformed = (model: ModelChoice): AgentDefinition => {
  // #region recall
  const assistant = defineAgent({
    name: "assistant",
    model,
    instructions: "Help the user. What is known of the user is told before the question.",
    memory: {
      recall: { limit: 5, maxTokens: 800 },
      pinned: { kinds: ["preference"] }, // in every run
    },
  });
  // #endregion recall
  return assistant;
};
