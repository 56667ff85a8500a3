import { defineAgent, type AgentDefinition, type ModelChoice } from "holdfast";
import { codeTools } from "holdfast/tools";

/** An agent that works out what it is asked with code of its own. */
export const defineAnalyst = (model: ModelChoice): AgentDefinition => {
  // #region agent
  const analyst = defineAgent({
    name: "analyst",
    model,
    instructions: "Work it out with code. Keep what may be needed again in /workspace.",
    tools: codeTools({
      languages: ["python", "bash"],
      limits: { timeoutMs: 10_000, memoryMb: 256, maxWorkspaceMb: 100 },
    }),
  });
  // #endregion agent
  return analyst;
};
