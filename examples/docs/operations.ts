import { openTelemetry } from "holdfast/telemetry";
import { createRuntime, type AgentDefinition, type ErasedUser, type Logger, type Runtime } from "holdfast";

type Agents = readonly AgentDefinition<unknown>[];

export const open = async (agents: Agents, dataDir: string, logger: Logger): Promise<Runtime> => {
  // #region open
  const runtime = await createRuntime({
    agents,
    dataDir,
    durability: "full",
    maxActiveSessions: 200,
    drainTimeoutMs: 20_000,
    secrets: (name) => process.env[name],
    logger,
  });
  // #endregion open
  return runtime;
};

export const openShared = async (agents: Agents, dataDir: string): Promise<Runtime> => {
  // #region tenants
  const runtime = await createRuntime({
    agents,
    dataDir,
    maxActiveSessions: 200,
    // Where all wait, "enterprise" has three turns for every one of another's.
    tenantWeights: { enterprise: 3 },
    isolation: { maxThreads: 8, maxProcesses: 2 },
  });
  // #endregion tenants
  return runtime;
};

export const checkNext = async (next: Agents, dataDir: string): Promise<readonly string[]> => {
  // #region check-upgrade
  await using desk = await createRuntime({ agents: next, dataDir, isWorker: false });
  const findings = await desk.checkUpgrade();
  const broken = findings.filter(({ changes }) => changes.some(({ breaks }) => breaks));
  // #endregion check-upgrade
  return broken.map(({ sessionId }) => sessionId);
};

export const openTraced = async (agents: Agents, dataDir: string): Promise<Runtime> => {
  // #region telemetry
  const runtime = await createRuntime({ agents, dataDir, telemetry: openTelemetry() });
  // #endregion telemetry
  return runtime;
};

export const drainOnTerm = (runtime: Runtime): void => {
  // #region drain
  process.once("SIGTERM", () => void runtime.close());
  // #endregion drain
};

export const post = async (agents: Agents, dataDir: string, order: { readonly id: string }) => {
  // #region post-only
  await using desk = await createRuntime({ agents, dataDir, isWorker: false });
  const session = await desk.createSession("support", { key: order.id });
  const { id } = await session.send(`Look after order ${order.id}.`, { idempotencyKey: order.id });
  // #endregion post-only
  return id;
};

export const backUp = async (runtime: Runtime, folder: string): Promise<void> => {
  // #region backup
  await runtime.store.backup(`${folder}/${new Date().toISOString().slice(0, 10)}`);
  // #endregion backup
};

export const forget = async (runtime: Runtime, sessionId: string, days: number): Promise<number> => {
  // #region erase
  await runtime.erase(sessionId);
  const forgotten = await runtime.expire(Date.now() - days * 24 * 60 * 60 * 1_000);
  // #endregion erase
  return forgotten;
};

export const forgetUser = async (runtime: Runtime): Promise<ErasedUser> => {
  // #region erase-user
  const erased = await runtime.eraseUser({ tenant: "acme", user: "ann" });
  // { sessions: 12, memories: 40, schedules: 1, copies: [] }
  // #endregion erase-user
  return erased;
};
