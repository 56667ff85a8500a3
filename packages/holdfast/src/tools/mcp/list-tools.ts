import type { Client, Tool as ServerTool } from "@modelcontextprotocol/client";
import { McpError } from "./mcp-error.ts";
import type { McpSettings } from "./mcp-options.ts";

/** More tools than any model can be shown. */
const MAX_TOOLS = 2_000;
const MAX_PAGES = 64;

/** All tools that a server says it has. @throws McpError where there is no end to them. */
export const listTools = async (
  client: Client,
  { name, startTimeoutMs }: Pick<McpSettings, "name" | "startTimeoutMs">,
): Promise<readonly ServerTool[]> => {
  if (client.getServerCapabilities()?.tools === undefined) return [];
  const found: ServerTool[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const { tools, nextCursor } = await client.request(
      { method: "tools/list", ...(cursor === undefined ? {} : { params: { cursor } }) },
      { timeout: startTimeoutMs },
    );
    found.push(...tools);
    if (nextCursor === undefined || found.length > MAX_TOOLS) break;
    cursor = nextCursor;
    if (page === MAX_PAGES - 1) throw endless(name, `${MAX_PAGES} pages`);
  }
  if (found.length > MAX_TOOLS) throw endless(name, `${MAX_TOOLS} tools`);
  return found;
};

const endless = (name: string, what: string): McpError =>
  new McpError(`The MCP server "${name}" lists more than ${what}.`, {
    executed: false,
    retryable: false,
    hint: "No model can be shown as many. Ask its makers for a way to offer fewer.",
  });
