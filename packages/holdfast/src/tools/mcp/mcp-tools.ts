import type { Tool as ServerTool } from "@modelcontextprotocol/client";
import { ConfigurationError } from "../../core/errors.ts";
import { nearestName } from "../../core/nearest-name.ts";
import { compileSchema } from "../../definitions/schema.ts";
import { catalogueTools } from "./catalogue-tools.ts";
import { loadSdk } from "./load-sdk.ts";
import {
  resolveMcpOptions,
  type McpHttpServer,
  type McpOptions,
  type McpSettings,
  type McpStdioServer,
} from "./mcp-options.ts";
import { McpServer } from "./mcp-server.ts";
import { changed, makeMcpTool, type McpTool } from "./mcp-tool.ts";
import { toolDigest } from "./tool-digest.ts";
import { namesFor } from "./tool-names.ts";

/**
 * The tools of an MCP server, as tools for agents. The server is started once to be asked what it has, and stopped; calls start
 * it again when they need it. What it said then is what agents have until the process ends, whatever the server says later.
 *
 * @throws ConfigurationError for options that cannot be used, and for tools that no model could be given.
 * @throws HoldfastError MCP_SERVER_FAILED when the server does not start or answer, MCP_TOOL_CHANGED when a pinned tool is not the same.
 * @example
 * const tools = await mcpTools({ command: "npx", args: ["-y", "@acme/crm-mcp"] }, { name: "crm", trusted: true });
 */
export const mcpTools = async (
  server: McpStdioServer | McpHttpServer,
  options: McpOptions,
): Promise<readonly McpTool[]> => {
  const settings = resolveMcpOptions(server, options);
  const mcp = new McpServer(await loadSdk(), settings);
  const connection = await mcp.connectOnce();
  await connection.close();
  const chosen = choose(settings, connection.tools);
  checkPins(settings, chosen);
  mcp.define(chosen);
  const names = namesFor(
    settings.name,
    chosen.map(({ name }) => name),
  );
  const tools = chosen.map((tool) => makeMcpTool(mcp, names.get(tool.name) ?? tool.name, tool));
  for (const {
    inputSchema,
    mcp: { name },
  } of tools)
    await checkSchema(settings, name, inputSchema);
  const more = catalogueTools(mcp);
  for (const { name } of more)
    if (tools.some((tool) => tool.name === name)) throw sameName(settings.name, name);
  return [...tools, ...more];
};

const sameName = (owner: string, name: string): ConfigurationError =>
  new ConfigurationError("DEFINITION_INVALID", `mcpTools "${owner}": two tools would be called "${name}".`, {
    hint: "The server has a tool of that name: leave it out (exclude), or the options resources and prompts.",
  });

const choose = (settings: McpSettings, all: readonly ServerTool[]): readonly ServerTool[] => {
  const { include, exclude, effects, pins, name: owner } = settings;
  const listed = new Set(all.map(({ name }) => name));
  for (const name of [...(include ?? []), ...exclude, ...effects.keys(), ...pins.keys()])
    if (!listed.has(name)) throw noSuchTool(owner, name, [...listed]);
  const chosen = all.filter(({ name }) => (include === null || include.has(name)) && !exclude.has(name));
  const seen = new Set<string>();
  for (const { name } of chosen) {
    if (seen.has(name)) throw twice(owner, name);
    seen.add(name);
  }
  return chosen;
};

const checkPins = ({ pins, name }: McpSettings, chosen: readonly ServerTool[]): void => {
  for (const tool of chosen) {
    const pinned = pins.get(tool.name);
    const digest = toolDigest(tool);
    if (pinned !== undefined && pinned !== digest) throw changed(name, tool.name, digest);
  }
};

const noSuchTool = (owner: string, name: string, listed: readonly string[]): ConfigurationError => {
  const near = nearestName(name, listed);
  return new ConfigurationError(
    "DEFINITION_INVALID",
    `mcpTools "${owner}": the server has no tool "${name}".`,
    {
      hint: near === undefined ? `It has: ${listed.slice(0, 50).join(", ")}.` : `Did you mean "${near}"?`,
    },
  );
};

const twice = (owner: string, name: string): ConfigurationError =>
  new ConfigurationError(
    "DEFINITION_INVALID",
    `mcpTools "${owner}": the server lists the tool "${name}" twice.`,
    {
      hint: `Nobody can say which of them a call would reach. Leave it out: exclude: ["${name}"].`,
    },
  );

/** Now and not in a run: a schema that cannot be applied would refuse every call. */
const checkSchema = async (
  settings: McpSettings,
  name: string,
  schema: McpTool["inputSchema"],
): Promise<void> => {
  try {
    await compileSchema(schema, `mcpTools "${settings.name}": the schema of "${name}"`).check({});
  } catch (cause) {
    throw new ConfigurationError(
      "DEFINITION_INVALID",
      `mcpTools "${settings.name}": the input schema of "${name}" cannot be used.`,
      {
        hint: `Tell the makers of the server, and leave the tool out until then: exclude: ["${name}"].`,
        cause,
      },
    );
  }
};
