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

/** An agent that computes, wherever the runtime runs. */
export const defineCalculator = (model: ModelChoice): AgentDefinition => {
  // #region javascript
  const calculator = defineAgent({
    name: "calculator",
    model,
    instructions: "Compute with run_javascript; never in your head.",
    tools: codeTools({ languages: ["javascript"], limits: { timeoutMs: 5_000, memoryMb: 64 } }),
  });
  // #endregion javascript
  return calculator;
};

/** An agent whose code reaches a few hosts, and whose interpreter goes on from call to call. */
export const defineExplorer = (model: ModelChoice): AgentDefinition => {
  // #region explorer
  const explorer = defineAgent({
    name: "explorer",
    model,
    instructions: "Load the data once, then look at it step by step.",
    tools: codeTools({
      languages: ["python"],
      keepState: true,
      network: { allowHosts: ["data.example.org", "*.stats.example.org"], allow: ["wiki.internal:8080"] },
    }),
  });
  // #endregion explorer
  return explorer;
};
