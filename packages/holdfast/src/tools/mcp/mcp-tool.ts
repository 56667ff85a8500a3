import type { Tool as ServerTool } from "@modelcontextprotocol/client";
import { ConfigurationError } from "../../core/errors.ts";
import { toJournalValue } from "../../core/journal-value.ts";
import { isJsonObject, type JsonSchema, type JsonValue } from "../../core/json.ts";
import type { ToolEffect } from "../../core/run-settings.ts";
import { defineTool, type DefinedTool } from "../../definitions/define-tool.ts";
import type { Suspension } from "../../ports/suspension.ts";
import type { ToolContext } from "../../ports/tool.ts";
import { CallWithQuestions, type Answered } from "./call-with-questions.ts";
import type { McpConnection } from "./mcp-connection.ts";
import { McpError } from "./mcp-error.ts";
import type { McpSettings } from "./mcp-options.ts";
import type { McpServer } from "./mcp-server.ts";
import { toolDigest } from "./tool-digest.ts";
import { toOutput } from "./to-output.ts";

/** A server's tool, ready to be given to agents. */
export type McpTool = DefinedTool<JsonValue> & {
  readonly mcp: {
    /** Name of the server, as it was given. */
    readonly server: string;
    /** The server's own name of the tool. */
    readonly name: string;
    /** Of its description and input schema: what `pin` is compared with. */
    readonly digest: string;
  };
};

const MAX_DESCRIPTION_CHARS = 8_000;
const MAX_PROGRESS = 1_000;

/** One of the server's tools as one of ours. */
export const makeMcpTool = (server: McpServer, name: string, tool: ServerTool): McpTool => {
  const { settings } = server;
  const effect = effectOf(settings, tool);
  const made = defineTool()({
    name,
    description: descriptionOf(tool),
    inputSchema: schemaOf(settings, tool),
    effect,
    resource: server,
    ...limitsOf(settings),
    execute: (input, context): Promise<Answered | Suspension> =>
      callOf({ server, tool, effect, input }, context),
  });
  return {
    ...made,
    mcp: { server: settings.name, name: tool.name, digest: toolDigest(tool) },
    toOutput: async (result) => {
      // What `execute` returned, and nothing else, comes here; a verification there is none.
      const { result: said, note } = result as Answered;
      return toOutput(said, note);
    },
  };
};

/** The limits that all tools of a server have. */
export const limitsOf = ({ timeoutMs, maxOutputChars }: McpSettings) => ({
  ...(timeoutMs === undefined ? {} : { timeoutMs }),
  ...(maxOutputChars === undefined ? {} : { maxOutputChars }),
});

/** What the server says of its tool is believed only where it is trusted (E2). */
const effectOf = ({ effects, isTrusted }: McpSettings, { name, annotations }: ServerTool): ToolEffect => {
  const given = effects.get(name);
  if (given !== undefined) return given;
  if (!isTrusted) return "write";
  if (annotations?.readOnlyHint === true) return "read";
  return annotations?.idempotentHint === true ? "idempotent" : "write";
};

const descriptionOf = ({ name, title, description }: ServerTool): string => {
  const text = description ?? title ?? name;
  return text.length > MAX_DESCRIPTION_CHARS ? `${text.slice(0, MAX_DESCRIPTION_CHARS)}…` : text;
};

const schemaOf = (settings: McpSettings, { name, inputSchema }: ServerTool): JsonSchema => {
  const { value } = toJournalValue(inputSchema);
  if (isJsonObject(value)) return value;
  throw new ConfigurationError(
    "DEFINITION_INVALID",
    `mcpTools "${settings.name}": the tool "${name}" has no input schema.`,
  );
};

type ToCall = {
  readonly server: McpServer;
  readonly tool: ServerTool;
  readonly effect: ToolEffect;
  readonly input: JsonValue;
};

const callOf = async (toCall: ToCall, context: ToolContext): Promise<Answered | Suspension> => {
  const { server, tool, effect, input } = toCall;
  const questions = await CallWithQuestions.begin({ server, tool: tool.name, effect, context });
  const params = {
    name: tool.name,
    arguments: isJsonObject(input) ? { ...input } : {},
    _meta: { "holdfast/idempotencyKey": context.idempotencyKey },
  };
  const onProgress = countedProgress(context);
  const send = async (connection: McpConnection) => {
    checkPin(server, connection, tool);
    return questions.run(
      (more, signal) =>
        connection.callTool(
          { ...params, ...more },
          { call: questions, definition: tool, onProgress, signal },
        ),
      connection,
    );
  };
  const answered = await onceMoreWhereForgotten(server, context, send);
  server.noteSuccess(context);
  return answered;
};

/** What a forgetful server refused, it has not done: the call is made again, once, on a new session. */
export const onceMoreWhereForgotten = async <Value>(
  server: McpServer,
  context: ToolContext,
  send: (connection: McpConnection) => Promise<Value>,
): Promise<Value> => {
  const connection = await server.connect(context);
  try {
    return await send(connection);
  } catch (thrown) {
    if (!connection.hasForgotten(thrown) || context.signal.aborted) throw thrown;
    await server.drop(connection);
    return send(await server.connect(context));
  }
};

const checkPin = (server: McpServer, connection: McpConnection, { name }: ServerTool): void => {
  const pinned = server.settings.pins.get(name);
  if (pinned === undefined) return;
  const now = connection.tools.find((tool) => tool.name === name);
  if (now !== undefined && toolDigest(now) === pinned) return;
  throw changed(server.settings.name, name, now === undefined ? null : toolDigest(now));
};

/** A pinned tool that is not what it was. */
export const changed = (server: string, tool: string, found: string | null): McpError =>
  new McpError(
    `The tool "${tool}" of the MCP server "${server}" is not the one that was pinned, and is not used.`,
    {
      code: "MCP_TOOL_CHANGED",
      executed: false,
      retryable: false,
      hint:
        found === null
          ? "The server does not list it any more."
          : `Read what it says of itself now; where that is well, pin it to ${found}.`,
    },
  );

const countedProgress = ({ progress }: ToolContext): ((text: string) => void) => {
  let count = 0;
  return (text) => {
    count += 1;
    if (count <= MAX_PROGRESS) progress(text.slice(0, 500));
  };
};
