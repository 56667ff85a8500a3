/** What the model sees of a long session, how it finds the rest, and what it has to do. */
import { defineAgent, type AgentDefinition, type AgentOptions, type SummaryOptions } from "holdfast";
import { historyTool, taskTool } from "holdfast/tools";

type Tools = NonNullable<AgentOptions["tools"]>;

export const defineReader = (model: AgentOptions["model"], tools: Tools): AgentDefinition<string> => {
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

export const defineSummed = (
  { model, small }: { readonly model: AgentOptions["model"]; readonly small: SummaryOptions["model"] },
  tools: Tools,
): AgentDefinition<string> => {
  // #region summary
  const clerk = defineAgent({
    name: "clerk",
    model,
    instructions: "Work through the claims.",
    tools: [...tools, historyTool()],
    limits: { maxPromptTokens: 32_000 },
    summary: { model: small, settings: { maxOutputTokens: 4_000 }, timeoutMs: 30_000 },
  });
  // #endregion summary
  return clerk as AgentDefinition<string>;
};

export const definePlanner = (model: AgentOptions["model"], tools: Tools): AgentDefinition<string> => {
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
