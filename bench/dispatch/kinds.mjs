/** One tool of each kind, beside the bare client library that does the same. */
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { defineTool } from "../../packages/holdfast/src/index.ts";
import { codeTools, mcpTools, openapiTools, sqlTools } from "../../packages/holdfast/src/tools/index.ts";
import { newQuickJSWASMModuleFromVariant } from "quickjs-emscripten-core";
import { serveMcp } from "./serve-mcp.mjs";

const has = (said) => (payload) => payload.includes(said);

const SERVER = [join(import.meta.dirname, "serve-mcp.mjs"), "--stdio"];

const functionTool = {
  name: "function",
  what: "function",
  calls: 1_000,
  open: async () => {
    const add = async ({ n }) => ({ sum: n + 1 });
    const tool = defineTool()({
      name: "add",
      description: "adds one",
      inputSchema: { type: "object", properties: { n: { type: "number" } }, required: ["n"] },
      effect: "read",
      execute: add,
    });
    return { tool, input: (n) => ({ n }), check: has("sum"), bare: (n) => add({ n }), close: async () => {} };
  },
};

const mcp = (name, what, start) => ({
  name,
  what,
  calls: 300,
  open: async () => {
    const { server, transport, stop } = await start();
    const client = new Client({ name: "bare", version: "1.0.0" });
    await client.connect(transport);
    const [tool] = await mcpTools(server, { name: "bench", trusted: true, include: ["add"] });
    return {
      tool,
      input: (n) => ({ a: n, b: 1 }),
      check: has("sum"),
      bare: (n) => client.callTool({ name: "add", arguments: { a: n, b: 1 } }),
      close: async () => {
        await client.close();
        await tool.resource?.close();
        await stop();
      },
    };
  },
});

const mcpStdio = mcp("mcp-stdio", "MCP, stdio", async () => ({
  server: { command: process.execPath, args: SERVER },
  transport: new StdioClientTransport({ command: process.execPath, args: SERVER }),
  stop: async () => {},
}));

const mcpHttp = mcp("mcp-http", "MCP, streamable HTTP", async () => {
  const { url, close } = await serveMcp();
  return { server: { url }, transport: new StreamableHTTPClientTransport(new URL(url)), stop: close };
});

const openapi = {
  name: "openapi",
  what: "OpenAPI operation, beside `fetch`",
  calls: 300,
  open: async () => {
    const server = createServer((request, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ path: request.url, stock: 7 }));
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const baseUrl = `http://127.0.0.1:${server.address().port}`;
    const id = { name: "id", in: "path", required: true, schema: { type: "string" } };
    const document = {
      openapi: "3.1.0",
      info: { title: "Stock", version: "1" },
      paths: {
        "/stock/{id}": {
          get: { operationId: "getStock", parameters: [id], responses: { 200: { description: "stock" } } },
        },
      },
    };
    const [tool] = await openapiTools(document, { baseUrl });
    return {
      tool,
      input: (n) => ({ id: `article-${n}` }),
      check: has("stock"),
      bare: async (n) => (await fetch(`${baseUrl}/stock/article-${n}`)).json(),
      close: async () => {
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
      },
    };
  },
};

const sql = {
  name: "sql",
  what: "SQLite query, beside `node:sqlite` in the process",
  calls: 300,
  open: async (folder) => {
    const file = join(folder, "shop.db");
    const made = new DatabaseSync(file);
    made.exec("CREATE TABLE orders (id INTEGER PRIMARY KEY, cents INTEGER)");
    const insert = made.prepare("INSERT INTO orders (cents) VALUES (?)");
    for (let n = 0; n < 1_000; n += 1) insert.run(n);
    made.close();
    const bare = new DatabaseSync(file, { readOnly: true });
    const tools = sqlTools({ sqlite: file }, { name: "shop", tables: ["orders"] });
    const tool = tools.find(({ name }) => name.includes("query"));
    return {
      tool,
      input: (n) => ({ sql: `SELECT id, cents FROM orders WHERE id = ${n + 1}` }),
      check: has("cents"),
      bare: async (n) => bare.prepare(`SELECT id, cents FROM orders WHERE id = ${n + 1}`).all(),
      close: async () => {
        bare.close();
        await tool.resource?.close();
      },
    };
  },
};

const quickjs = {
  name: "quickjs",
  what: "JavaScript in QuickJS, beside QuickJS in the process",
  calls: 100,
  open: async () => {
    const variant = await import("@jitl/quickjs-wasmfile-release-sync");
    const [tool] = codeTools({ languages: ["javascript"] });
    return {
      tool,
      input: (n) => ({ code: `[1, 2, 3].map((x) => x * ${n})` }),
      check: has("["),
      // An engine of its own for every call, as the tool has it: nothing of one call is seen in the next.
      bare: async (n) => {
        const engine = await newQuickJSWASMModuleFromVariant(variant.default);
        const context = engine.newContext();
        const result = context.unwrapResult(context.evalCode(`[1, 2, 3].map((x) => x * ${n})`));
        context.dump(result);
        result.dispose();
        context.dispose();
      },
      close: async () => tool.resource?.close(),
    };
  },
};

const BARE_BWRAP = [
  "--ro-bind",
  "/",
  "/",
  "--dev",
  "/dev",
  "--proc",
  "/proc",
  "--unshare-all",
  "--die-with-parent",
];

const bubblewrap = {
  name: "bubblewrap",
  what: "bash under bubblewrap, beside bare `bwrap`",
  calls: 60,
  open: async () => {
    const [tool] = codeTools({ languages: ["bash"] });
    return {
      tool,
      input: (n) => ({ code: `echo ${n}` }),
      check: has("exit"),
      bare: (n) =>
        new Promise((done, fail) => {
          const child = spawn("bwrap", [...BARE_BWRAP, "bash", "-c", `echo ${n}`], {
            stdio: ["ignore", "pipe", "pipe"],
          });
          child.stdout.resume();
          child.on("error", fail);
          child.on("close", done);
        }),
      close: async () => tool.resource?.close(),
    };
  },
};

export const KINDS = [functionTool, mcpStdio, mcpHttp, openapi, sql, quickjs, bubblewrap];
