import {
  agentTool,
  createRuntime,
  defineAgent,
  handOffTool,
  type AgentDefinition,
  type ModelChoice,
  type Runtime,
} from "holdfast";
import { searchLogs } from "./tools.ts";

export type Models = { readonly lead: ModelChoice; readonly reader: ModelChoice };

/** An agent that leaves the reading to another one. */
export const defineLead = ({ lead, reader }: Models): AgentDefinition => {
  // #region child
  const logReader = defineAgent({
    name: "log-reader",
    model: reader,
    instructions: "Search the logs, and say in two sentences what they show.",
    tools: [searchLogs],
  });

  const investigator = defineAgent({
    name: "lead-investigator",
    model: lead,
    instructions: "Find out what went wrong. Leave the logs to the log reader.",
    tools: [
      agentTool(logReader, {
        description: "Reads the logs of one service. Say which one, when, and what to look for.",
        timeoutMs: 10 * 60_000,
      }),
    ],
    limits: { maxCostUsd: 0.5 },
  });
  // #endregion child
  return investigator;
};

/** A front desk that leaves refunds to another agent. */
export const defineDesk = ({
  desk,
  refunds,
}: {
  readonly desk: ModelChoice;
  readonly refunds: ModelChoice;
}): AgentDefinition => {
  // #region hand-off
  const refundClerk = defineAgent({
    name: "refund-clerk",
    model: refunds,
    instructions: "You decide on refunds.",
  });

  const frontDesk = defineAgent({
    name: "front-desk",
    model: desk,
    instructions: "Answer questions about orders. Refunds are for the refund clerk.",
    tools: [handOffTool(refundClerk, { description: "The customer wants their money back." })],
  });
  // #endregion hand-off
  return frontDesk;
};

export const open = (agent: AgentDefinition, dataDir: string): Promise<Runtime> =>
  createRuntime({
    agents: [agent],
    dataDir,
    prices: {
      "local/lead": { inputPerMTok: 3, outputPerMTok: 15 },
      "local/reader": { inputPerMTok: 1, outputPerMTok: 5 },
    },
  });
