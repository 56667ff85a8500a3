import type { GetPromptResult, ReadResourceResult } from "@modelcontextprotocol/client";
import type { JsonSchema, JsonValue } from "../../core/json.ts";
import { isJsonObject } from "../../core/json.ts";
import { toJournalValue } from "../../core/journal-value.ts";
import { defineTool } from "../../definitions/define-tool.ts";
import type { ToolContext } from "../../ports/tool.ts";
import type { McpConnection } from "./mcp-connection.ts";
import { limitsOf, onceMoreWhereForgotten, type McpTool } from "./mcp-tool.ts";
import type { McpServer } from "./mcp-server.ts";
import { toolDigest } from "./tool-digest.ts";
import { fromResource, toPart } from "./to-output.ts";

type Request = {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: JsonSchema;
  readonly ask: (
    connection: McpConnection,
    input: JsonValue,
    options: { readonly signal: AbortSignal; readonly timeout: number },
  ) => Promise<unknown>;
};

const NOTHING: JsonSchema = { type: "object", properties: {}, additionalProperties: false };
const LONGEST_MS = 2 ** 31 - 1;

/** Tools that list and read what a server has beside its tools. By the protocol they change nothing, and so they are `read`. */
export const catalogueTools = (server: McpServer): readonly McpTool[] => {
  const { hasResourceTools, hasPromptTools } = server.settings;
  const requests = [...(hasResourceTools ? RESOURCES : []), ...(hasPromptTools ? PROMPTS : [])];
  return requests.map((request) => makeTool(server, request));
};

const makeTool = (server: McpServer, request: Request): McpTool => {
  const { name, description, inputSchema, ask } = request;
  const made = defineTool()({
    name: `${server.settings.name}_${name}`,
    description: `${description} Of the server "${server.settings.name}".`,
    inputSchema,
    effect: "read",
    resource: server,
    ...limitsOf(server.settings),
    execute: (input: JsonValue, context: ToolContext) =>
      onceMoreWhereForgotten(server, context, async (connection) => {
        try {
          return await ask(connection, input, { signal: context.signal, timeout: LONGEST_MS });
        } catch (thrown) {
          throw connection.toError(thrown);
        }
      }),
  });
  const digest = toolDigest({ description, inputSchema: { ...inputSchema, type: "object" } });
  return { ...made, mcp: { server: server.settings.name, name, digest } };
};

const textOf = (value: JsonValue | undefined): string =>
  typeof value === "string" ? value : JSON.stringify(value ?? "");

const textIn = (input: JsonValue, name: string): string => (isJsonObject(input) ? textOf(input[name]) : "");

const RESOURCES: readonly Request[] = [
  {
    name: "list_resources",
    description:
      "Lists the resources that can be read, and the patterns of addresses of those that are not listed.",
    inputSchema: NOTHING,
    ask: async ({ client }, _, options) => {
      const { resources } = await client.listResources(undefined, options);
      const { resourceTemplates } = await client.listResourceTemplates(undefined, options);
      return toJournalValue({ resources, resourceTemplates }).value;
    },
  },
  {
    name: "read_resource",
    description: "Reads a resource by its address.",
    inputSchema: {
      type: "object",
      properties: { uri: { type: "string", description: "Its address, as it was listed." } },
      required: ["uri"],
      additionalProperties: false,
    },
    ask: async ({ client }, input, options) => {
      const read: ReadResourceResult = await client.readResource({ uri: textIn(input, "uri") }, options);
      return read.contents.length === 0 ? "The resource is empty." : read.contents.map(fromResource);
    },
  },
];

const PROMPTS: readonly Request[] = [
  {
    name: "list_prompts",
    description: "Lists the prompts that the server has ready, and what each has to be told.",
    inputSchema: NOTHING,
    ask: async ({ client }, _, options) =>
      toJournalValue((await client.listPrompts(undefined, options)).prompts).value,
  },
  {
    name: "get_prompt",
    description: "Gets a prompt by its name, filled in.",
    inputSchema: {
      type: "object",
      properties: {
        name: { type: "string" },
        arguments: { type: "object", additionalProperties: { type: "string" } },
      },
      required: ["name"],
      additionalProperties: false,
    },
    ask: async ({ client }, input, options) => {
      const given = isJsonObject(input) ? (input["arguments"] ?? null) : null;
      const texts = isJsonObject(given)
        ? Object.entries(given).map(([key, value]) => [key, textOf(value)])
        : [];
      const got: GetPromptResult = await client.getPrompt(
        { name: textIn(input, "name"), arguments: Object.fromEntries(texts) },
        options,
      );
      return got.messages.flatMap(({ role, content }) => [
        { type: "text", text: `${role}:` },
        toPart(content),
      ]);
    },
  },
];
