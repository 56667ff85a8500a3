import { AssertionError } from "node:assert";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { onTestFinished } from "vitest";
import { suspensionFor, type Resumption } from "../../ports/suspension.ts";
import type { Logger, ToolContext } from "../../ports/tool.ts";
import { mcpTools } from "./mcp-tools.ts";
import type { McpOptions, McpStdioServer } from "./mcp-options.ts";
import type { McpTool } from "./mcp-tool.ts";
import { makeTestServer } from "./test-server.fixture.ts";

/** Where Node keeps what it has stripped of types, so that a server starts sooner. */
const strippedOnce = (): Record<string, string> => {
  const cache = process.env["NODE_COMPILE_CACHE"];
  return cache === undefined ? {} : { NODE_COMPILE_CACHE: cache };
};

/** How the test server is started. */
export const testServer = (
  ...args: readonly string[]
): Omit<McpStdioServer, "env"> & { readonly env: Record<string, string> } => ({
  command: process.execPath,
  args: [
    "--disable-warning=ExperimentalWarning",
    "--conditions=holdfast-source",
    join(import.meta.dirname, "test-server.fixture.ts"),
    ...args,
  ],
  env: strippedOnce(),
});

/** A server that is this program. */
export const programServer = (source: string): McpStdioServer => ({
  command: process.execPath,
  args: ["-e", source],
});

export const temporary = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-mcp-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

/** Tools by their own names, closed when the test ends. */
export const toolsOf = async (
  server: Parameters<typeof mcpTools>[0],
  options: Partial<McpOptions> = {},
): Promise<{ readonly tools: readonly McpTool[]; readonly tool: (name: string) => McpTool }> => {
  const tools = await mcpTools(server, { name: "test", ...options });
  onTestFinished(async () => {
    await tools[0]?.resource?.close();
  });
  const tool = (name: string): McpTool => {
    const found = tools.find((each) => each.mcp.name === name || each.name === name);
    if (found === undefined) throw new AssertionError({ message: `there is no ${name}` });
    return found;
  };
  return { tools, tool };
};

type ContextOptions = {
  readonly sessionId?: string;
  readonly signal?: AbortSignal;
  readonly resume?: Resumption;
  readonly folder?: string;
};

/** A logger that keeps what it is told. */
export const keepingLogger = (): Logger & { readonly lines: readonly string[] } => {
  const lines: string[] = [];
  const at = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
};

/** What a tool is given by the engine, with what it says kept. */
export const contextOf = ({
  sessionId = "session-1",
  signal,
  resume,
  folder = "/nowhere",
}: ContextOptions = {}) => {
  const progress: string[] = [];
  const log = keepingLogger();
  const files = new Map<string, string | Uint8Array>();
  const context: ToolContext = {
    session: { id: sessionId, tenant: null, user: null, attributes: {} },
    runId: "run-1",
    callId: "call_1_0",
    signal: signal ?? new AbortController().signal,
    attempt: 1,
    resume: resume ?? null,
    suspend: suspensionFor,
    idempotencyKey: "key-1",
    artifacts: {
      save: async ({ name, mediaType }) => ({ name, mediaType, bytes: 0, digest: "" }),
    },
    workspace: {
      path: async () => folder,
      resolve: async (path) => join(folder, path),
      write: async (path, content) => {
        files.set(path, content);
        return path;
      },
      read: async (path) => Buffer.from(files.get(path) ?? (await readFile(join(folder, path)))),
    },
    secret: (name) => `secret-${name}`,
    log,
    history: {
      search: async () => [],
      read: async () => [],
      searchOthers: async () => ({ entries: [], unreadable: [] }),
    },
    progress: (message) => void progress.push(message),
    deps: undefined,
  };
  return { context, progress, log, files };
};

/** What the model sees of a call. */
export const outputOf = async (tool: McpTool, input: unknown, context: ToolContext = contextOf().context) =>
  tool.toOutput(await tool.execute(input, context));

/** Serves HTTP until the test ends. */
export const serve = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new AssertionError({ message: "no port" });
  return `http://127.0.0.1:${address.port}/mcp`;
};

/** The test server over streamable HTTP, in both versions of the protocol. */
export const serveTestServer = async (
  seen: (request: Request) => void = () => undefined,
): Promise<string> => {
  const handler = createMcpHandler(makeTestServer);
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const headers = new Headers(incoming.headers as Record<string, string>);
    const method = incoming.method ?? "GET";
    const body = chunks.length === 0 ? {} : { body: Buffer.concat(chunks) };
    const request = new Request("http://127.0.0.1/mcp", { method, headers, ...body });
    seen(request);
    const response = await handler.fetch(request);
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    for await (const chunk of response.body ?? []) outgoing.write(chunk);
    outgoing.end();
  };
  return serve((incoming, outgoing) => void answer(incoming, outgoing));
};

/** Whether a process with this id is there, and not merely waiting to be collected. */
export const isAlive = async (pid: number): Promise<boolean> => {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat !== "" && !/^\d+ \(.*\) Z/.test(stat);
};
