import { createRuntime, type AgentDefinition, type ModelChoice, type Runtime } from "holdfast";
import type { MemoryStore } from "holdfast/ports";

type Place = {
  readonly agents: readonly AgentDefinition[];
  readonly dataDir: string;
  readonly memory: MemoryStore;
  readonly smallModel: ModelChoice;
};

export const openRemembering = async ({ agents, dataDir, memory, smallModel }: Place): Promise<Runtime> => {
  // #region extraction
  const runtime = await createRuntime({
    agents,
    dataDir,
    memory,
    extraction: {
      model: smallModel,
      topics: ["what the user eats and does not", "where the user lives, works and travels"],
      agents: ["assistant"], // of all by default
      limits: { maxTokens: 20_000 },
    },
  });
  // #endregion extraction
  return runtime;
};
