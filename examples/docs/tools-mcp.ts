import { join } from "node:path";
import { defineAgent, type AgentDefinition, type ModelChoice, type Session } from "holdfast";
import { mcpTools, type McpTool } from "holdfast/tools";

const serverFile = join(import.meta.dirname, "desk-server.ts");

/** The tools of a server that is started as a process of its own, for one agent. */
export const defineClerk = async (model: ModelChoice): Promise<AgentDefinition> => {
  // #region stdio
  const desk = await mcpTools(
    {
      command: "node",
      args: [serverFile],
      env: (caller) => ({ DESK_TOKEN: caller === null ? "" : caller.secret("desk_token") }),
    },
    { name: "desk", trusted: true },
  );
  const clerk = defineAgent({ name: "clerk", model, instructions: "Work on the tickets.", tools: desk });
  // #endregion stdio
  return clerk;
};

export const connect = async (url: string, token: () => string): Promise<readonly McpTool[]> => {
  // #region http
  const tools = await mcpTools(
    { url, headers: () => ({ authorization: `Bearer ${token()}` }) },
    {
      name: "desk",
      sharing: "shared",
      include: ["find_ticket", "close_ticket"],
      effect: { find_ticket: "read" },
      timeoutMs: 60_000,
    },
  );
  // #endregion http
  return tools;
};

export const pinned = async (url: string, digest: string): Promise<readonly McpTool[]> => {
  // #region pin
  return await mcpTools({ url }, { name: "desk", pin: { close_ticket: digest } });
  // #endregion pin
};

export const answer = async (session: Session, key: string): Promise<void> => {
  // #region answer
  await session.signal(key, { action: "accept", content: { reason: "the fire is out" } });
  // #endregion answer
};
