import { ConfigurationError, NotFoundError } from "../../core/index.ts";
import type { AgentDefinition } from "../../runtime/index.ts";
import { UsageError } from "../parsing/usage-error.ts";

/** The agents that a file exports, by the name of the export. */
export type AgentsOfFile = ReadonlyMap<string, AgentDefinition<unknown>>;

const isAgentDefinition = (value: unknown): value is AgentDefinition<unknown> =>
  typeof value === "object" &&
  value !== null &&
  "name" in value &&
  typeof value.name === "string" &&
  "models" in value &&
  Array.isArray(value.models) &&
  "instructions" in value &&
  "limits" in value;

/** @throws ConfigurationError AGENT_FILE_INVALID when there is none. */
export const agentsIn = (exports: Readonly<Record<string, unknown>>, file: string): AgentsOfFile => {
  const agents = new Map<string, AgentDefinition<unknown>>();
  for (const [name, value] of Object.entries(exports)) {
    if (isAgentDefinition(value) && ![...agents.values()].includes(value)) agents.set(name, value);
  }
  if (agents.size > 0) return agents;
  const names = Object.keys(exports);
  throw new ConfigurationError(
    "AGENT_FILE_INVALID",
    names.length === 0 ? `${file} exports nothing.` : `${file} exports no agent, only: ${names.join(", ")}.`,
    { hint: "Export one: export const agent = defineAgent({ … });", details: { file } },
  );
};

const PREFERRED = ["agent", "default"];

/** The agent that is meant: the one named, the only one, or the one exported as `agent`. */
export const pickAgent = (
  agents: AgentsOfFile,
  { file, wanted }: { readonly file: string; readonly wanted: string | undefined },
): AgentDefinition<unknown> => {
  const all = [...agents.values()];
  const names = all.map(({ name }) => name).join(", ");
  if (wanted !== undefined) {
    const found = all.find(({ name }) => name === wanted) ?? agents.get(wanted);
    if (found !== undefined) return found;
    throw new NotFoundError("AGENT_NOT_FOUND", `${file} has no agent "${wanted}".`, {
      hint: `It has: ${names}.`,
    });
  }
  const preferred = PREFERRED.map((name) => agents.get(name)).find((agent) => agent !== undefined);
  const only = preferred ?? (all.length === 1 ? all[0] : undefined);
  if (only !== undefined) return only;
  throw new UsageError(`${file} exports several agents: ${names}.`, "Say which with --agent <name>.");
};
