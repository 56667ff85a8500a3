import { createRuntime, defineAgent, type AgentDefinition, type ModelChoice, type Runtime } from "holdfast";
import type { MemoryStore } from "holdfast/ports";
import { createPostgresMemory, createSqliteMemory, exportMemory } from "holdfast/stores";
import { memoryTools } from "holdfast/tools";

export const openMemory = async (dataDir: string): Promise<MemoryStore> => {
  // #region open
  const memory = await createSqliteMemory({ dataDir });
  // #endregion open
  return memory;
};

export const openInPostgres = async (url: string): Promise<MemoryStore> => {
  // #region postgres
  const memory = await createPostgresMemory({ url, schema: "holdfast_memory" });
  // #endregion postgres
  return memory;
};

export const openRuntime = async (
  agents: readonly AgentDefinition[],
  { dataDir, memory }: { readonly dataDir: string; readonly memory: MemoryStore },
): Promise<Runtime> => {
  // #region runtime
  const runtime = await createRuntime({ agents, dataDir, memory });
  // #endregion runtime
  return runtime;
};

export const openForgetful = async (
  agents: readonly AgentDefinition[],
  { dataDir, memory }: { readonly dataDir: string; readonly memory: MemoryStore },
): Promise<Runtime> => {
  // #region keep
  const runtime = await createRuntime({
    agents,
    dataDir,
    memory: { store: memory, keepDays: { episode: 180, summary: 365 } },
  });
  // #endregion keep
  return runtime;
};

export const defineAssistant = (model: ModelChoice, memory: MemoryStore): AgentDefinition => {
  // #region assistant
  const assistant = defineAgent({
    name: "assistant",
    model,
    instructions: "Recall what you know of the user before you answer. Remember what will matter later.",
    tools: [...memoryTools(memory)],
  });
  // #endregion assistant
  return assistant;
};

export const defineCarefulAssistant = (model: ModelChoice, memory: MemoryStore): AgentDefinition => {
  // #region options
  const tools = memoryTools(memory, {
    scope: "user", // or "session", or "tenant"
    agent: "travel", // other agents do not see it
    namespace: "trips",
    quarantine: true, // other sessions see it once an operator has promoted it
    maxHits: 5,
    maxTokens: 1_000,
  });
  // #endregion options
  return defineAgent({ name: "travel", model, instructions: "Plan.", tools: [...tools] });
};

export const govern = async (memory: MemoryStore, now: number) => {
  // #region govern
  const operator = { operatorOf: "acme" };
  const waiting = await memory.list({ reader: operator, trust: "quarantined", limit: 50 });
  const changes = waiting.records
    .filter(({ source }) => source?.sessionId === "ses_reviewed")
    .map(({ id }) => ({ do: "promote" as const, id }));
  await memory.write({ by: operator, key: null, now, changes });

  // Everything that is known of somebody, a record a line, and then gone from every file.
  const lines = await Array.fromAsync(exportMemory(memory, { tenant: "acme", user: "ann" }));
  await memory.erase({ tenant: "acme", user: "ann" });

  // What has expired, and episodes older than half a year.
  await memory.sweep({ now, keepMs: { episode: 182 * 86_400_000 } });
  // #endregion govern
  return lines;
};

export const supersede = async (memory: MemoryStore, now: number) => {
  // #region write
  const ann = { tenant: "acme", user: "ann", agent: null, session: null };
  const scope = { ...ann, namespace: "" };
  const said = { scope, kind: "fact", subject: "home city", origin: "user" } as const;
  await memory.write({
    by: ann,
    key: "mail-881",
    now: now - 86_400_000,
    changes: [{ do: "add", memory: { ...said, text: "Ann lives in Paris" } }],
  });
  const [answer] = await memory.write({
    by: ann,
    key: "mail-912",
    now,
    changes: [{ do: "add", memory: { ...said, text: "Ann lives in Rome" } }],
  });
  // { status: "superseded", id: "mem_…", old: "mem_…" }
  const hits = await memory.search({ viewer: ann, text: "where does Ann live?", now, limit: 5 });
  const [found] = hits;
  const history = found === undefined ? [] : await memory.history(ann, found.record.id);
  // #endregion write
  return { answer, hits, history };
};
