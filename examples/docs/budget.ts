import { createRuntime, defineAgent, type Outcome, type Runtime, type Session } from "holdfast";
import type { AgentDefinition, ModelChoice } from "holdfast";
import { searchLogs } from "./tools.ts";

/** An investigator that may spend a little, and goes on with a cheaper model when the dear one is too much. */
export const defineInvestigator = (dear: ModelChoice, cheap: ModelChoice): AgentDefinition => {
  // #region limits
  const investigator = defineAgent({
    name: "investigator",
    model: [dear, cheap],
    instructions: "Find out what went wrong, and say it in one sentence.",
    tools: [searchLogs],
    settings: { maxOutputTokens: 1_000 },
    limits: { maxCostUsd: 0.05, maxToolCalls: 20, onLimit: "degrade" },
  });
  // #endregion limits
  return investigator;
};

/** A specialist that a clerk with a cheap model goes on for when the money runs short. */
export const defineCounter = (
  dear: ModelChoice,
  cheap: ModelChoice,
): readonly [AgentDefinition, AgentDefinition] => {
  // #region hand-over
  const specialist = defineAgent({
    name: "specialist",
    model: dear,
    instructions: "Find out what went wrong.",
    tools: [searchLogs],
    settings: { maxOutputTokens: 1_000 },
    limits: { maxCostUsd: 0.05, onLimit: { handOffTo: "clerk" } },
  });
  const clerk = defineAgent({
    name: "clerk",
    model: cheap,
    instructions: "Say what is known so far, and that somebody will write.",
    settings: { maxOutputTokens: 500 },
  });
  // #endregion hand-over
  return [specialist, clerk];
};

export const open = async (agent: AgentDefinition, dataDir: string): Promise<Runtime> => {
  // #region budgets
  const runtime = await createRuntime({
    agents: [agent],
    dataDir,
    prices: {
      "local/dear": { inputPerMTok: 3, outputPerMTok: 15 },
      "local/cheap": { inputPerMTok: 0.25, outputPerMTok: 1 },
    },
    budgets: [
      { name: "tenant-month", scope: "tenant", period: "month", timeZone: "Europe/Paris", maxCostUsd: 200 },
      { name: "user-day", scope: "user", period: "day", maxTokens: 500_000, onLimit: "ask" },
    ],
  });
  // #endregion budgets
  return runtime;
};

export const sendTightly = async (session: Session, input: string): Promise<Outcome> => {
  // #region send
  const run = await session.send(input, { limits: { maxCostUsd: 0.02, maxTurns: 5 } });
  return await run.outcome();
  // #endregion send
};

export const allowMore = async (session: Session, outcome: Outcome): Promise<void> => {
  // #region raise
  const asks = outcome.status === "suspended" && outcome.waitingFor.some((wait) => wait.kind === "budget");
  if (asks) await session.raiseBudget({ addCostUsd: 0.1, by: "ada" });
  // #endregion raise
};

export const report = async (runtime: Runtime, tell: (line: string) => void): Promise<void> => {
  // #region report
  for (const { budget, of, period, unit, spent, limit } of await runtime.budgets()) {
    tell(`${budget} ${of.join("/")} ${period}: ${spent} of ${limit ?? "?"} ${unit}`);
  }
  // #endregion report
};
