import { defineAgent, type AgentDefinition, type ModelChoice } from "holdfast";
import { fileTools } from "holdfast/tools";

export const defineWriter = (model: ModelChoice): AgentDefinition => {
  // #region writer
  const writer = defineAgent({
    name: "writer",
    model,
    instructions: "Keep your notes in files, and correct them as you learn more.",
    tools: [...fileTools()],
  });
  // #endregion writer
  return writer;
};

export const defineCarefulWriter = (model: ModelChoice): AgentDefinition => {
  // #region limits
  const tools = fileTools({
    maxFileBytes: 1_000_000,
    maxWorkspaceBytes: 50_000_000,
    maxEntries: 2_000,
    maxChars: 20_000,
    needsApproval: ({ path }) => path.startsWith("published/"),
  });
  // #endregion limits
  return defineAgent({ name: "careful-writer", model, instructions: "Write.", tools: [...tools] });
};

export const defineLibrarian = (model: ModelChoice): AgentDefinition => {
  // #region read-only
  const tools = fileTools({ readOnly: true });
  // #endregion read-only
  return defineAgent({ name: "librarian", model, instructions: "Find.", tools: [...tools] });
};
