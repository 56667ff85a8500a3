/** The agent: tools of all seven kinds, and a scripted model that works through a claim as a sensible model would. */
import { defineAgent, type AgentDefinition } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import {
  browserTools,
  codeTools,
  fetchTool,
  fileTools,
  mcpTools,
  openapiTools,
  sqlTools,
} from "holdfast/tools";
import { refundsDocument } from "./office.ts";
import { nextStep } from "./next-step.ts";

export type Surroundings = {
  /** Of the proxy, on 127.0.0.1. */
  readonly port: number;
  /** The database of claims. */
  readonly database: string;
  /** The program of the browser, where it is not at one of the usual places. */
  readonly executablePath?: string;
};

const ATTEMPT_MS = 2_000;
const START_MS = 20_000;

/** Defines the agent; the MCP server has to be there for it. */
export const defineSettler = async (around: Surroundings): Promise<AgentDefinition> => {
  const at = `127.0.0.1:${around.port}`;
  // Pages and code are let through to this name alone, wherever it leads.
  const name = `office.test:${around.port}`;
  const network = { allow: [name], allowHosts: [name], lookup: async () => ["127.0.0.1"] };
  const { executablePath } = around;
  const retry = { maxAttempts: 4, initialDelayMs: 50, maxDelayMs: 500 };
  const refunds = await openapiTools(refundsDocument, {
    baseUrl: `http://${at}`,
    // The office takes the key of a call, and pays once for it.
    effect: ({ method }) => (method === "POST" ? "idempotent" : "read"),
    timeoutMs: ATTEMPT_MS,
    retry,
  });
  const desk = await mcpTools(
    { url: `http://${at}/mcp` },
    { name: "desk", trusted: true, timeoutMs: ATTEMPT_MS, startTimeoutMs: START_MS },
  );
  return defineAgent({
    name: "settler",
    model: scriptedModel(({ lastUserText, messages }) =>
      nextStep({ claim: Number(/\d+/.exec(lastUserText)?.[0]), at: name, messages }),
    ),
    instructions: "Settle the claim you are given.",
    tools: [
      ...sqlTools({ sqlite: around.database }, { name: "claims", timeoutMs: ATTEMPT_MS }),
      fetchTool({ ...network, timeoutMs: ATTEMPT_MS }),
      ...codeTools({ languages: ["node"], network, limits: { timeoutMs: 10_000 } }),
      ...refunds,
      ...browserTools({
        ...(executablePath !== undefined && { executablePath }),
        ...network,
        tools: ["open", "click"],
        // To confirm twice is to confirm.
        effects: { click: "idempotent" },
        loadTimeoutMs: ATTEMPT_MS,
      }),
      ...desk,
      ...fileTools(),
    ],
  });
};
