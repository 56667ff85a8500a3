import { createRuntime, defineAgent, type DefinedTool, type ModelChoice, type Runtime } from "holdfast";

/** What the versions of an agent have in common. */
type Claims = {
  readonly name: string;
  readonly model: ModelChoice;
  readonly tools: readonly DefinedTool[];
};

export const openVersions = async (claims: Claims, dataDir: string): Promise<Runtime> => {
  // #region versions
  const before = defineAgent({
    ...claims,
    version: "1",
    onUpgrade: "pin",
    instructions: "Pay what is owed.",
  });
  const today = defineAgent({ ...claims, version: "2", onUpgrade: "ask", instructions: "Pay it by Friday." });
  // The last of a name takes new runs; open runs that are pinned to another go on with that.
  const runtime = await createRuntime({ agents: [before, today], dataDir });
  // #endregion versions
  return runtime;
};

export const letGoOn = async (runtime: Runtime, sessionId: string): Promise<void> => {
  // #region decide-upgrade
  const session = await runtime.getSession(sessionId);
  const { waitingFor } = await session.snapshot();
  const asks = waitingFor.some((wait) => wait.kind === "operator" && wait.reason === "upgrade");
  if (asks) await session.decideUpgrade("migrate"); // or "stop", which cancels the run
  // #endregion decide-upgrade
};
