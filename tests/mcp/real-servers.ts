/** Calls tools of servers that others have made, each in a process of its own. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mcpTools, type McpOptions, type McpStdioServer, type McpTool } from "holdfast/tools";
import { contextIn } from "./context.ts";

type Call = readonly [tool: string, input: { readonly [name: string]: string | number }, said: RegExp];
type Case = {
  readonly server: McpStdioServer;
  readonly options: McpOptions;
  readonly calls: readonly Call[];
};

const modules = join(import.meta.dirname, "node_modules");

const program = (path: string, ...args: readonly string[]): McpStdioServer => ({
  command: process.execPath,
  args: [join(modules, path), ...args],
});

const everything: Case = {
  server: program("@modelcontextprotocol/server-everything/dist/index.js"),
  options: { name: "everything", trusted: true, resources: true, prompts: true },
  calls: [
    ["echo", { message: "hello" }, /Echo: hello/],
    ["get-sum", { a: 1, b: 2 }, /is 3/],
    ["get-tiny-image", {}, /"mediaType":"image\/png"/],
    ["get-structured-content", { location: "New York" }, /"type":"json".*temperature/],
    ["trigger-long-running-operation", { duration: 1, steps: 2 }, /completed/],
    ["get-resource-reference", { resourceType: "Text", resourceId: 1 }, /demo:\/\/resource/],
    ["list_resources", {}, /architecture.md/],
    ["list_prompts", {}, /simple-prompt/],
    ["get_prompt", { name: "simple-prompt" }, /user:/],
  ],
};

const filesIn = (folder: string): Case => ({
  server: program("@modelcontextprotocol/server-filesystem/dist/index.js", tmpdir()),
  options: { name: "files", trusted: true },
  calls: [
    ["read_text_file", { path: join(folder, "note.txt") }, /remember/],
    ["write_file", { path: join(folder, "new.txt"), content: "new" }, /Successfully wrote/],
    ["read_text_file", { path: "/etc/passwd" }, /"type":"error".*Access denied/],
    // Its root is the workspace, whatever it was started with; it asks for that by and by.
    ["list_allowed_directories", {}, new RegExp(`Allowed directories:.*${folder}"`)],
  ],
});

/** Chromium as an npm package has it, which is unpacked when it is first asked for. */
const browserIn = async (): Promise<Case> => {
  const require = createRequire(join(import.meta.dirname, "package.json"));
  const loaded = (await import(require.resolve("@sparticuz/chromium"))) as {
    default: { executablePath(): Promise<string> };
  };
  const path = await loaded.default.executablePath();
  return {
    server: program(
      "@playwright/mcp/cli.js",
      "--headless",
      "--no-sandbox",
      "--isolated",
      "--executable-path",
      path,
    ),
    options: { name: "browser", trusted: true, timeoutMs: 90_000, startTimeoutMs: 60_000 },
    calls: [
      [
        "browser_navigate",
        { url: "data:text/html,<title>Hi</title><h1>Hello</h1><button>Go</button>" },
        /Page Title: Hi/,
      ],
      ["browser_snapshot", {}, /heading .*Hello/],
      ["browser_evaluate", { function: "() => 6 * 7" }, /42/],
    ],
  };
};

const call = async (tool: McpTool | undefined, input: Call[1], folder: string): Promise<string> => {
  if (tool === undefined) return "there is no such tool";
  try {
    const parsed = await tool.parseInput(input);
    if (!parsed.ok) return JSON.stringify(parsed);
    return JSON.stringify(await tool.toOutput(await tool.execute(parsed.value, contextIn(folder))));
  } catch (thrown) {
    return String(thrown);
  }
};

/** How many calls did not say what they should. */
export const callRealServers = async (): Promise<number> => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-mcp-"));
  await writeFile(join(folder, "note.txt"), "remember");
  let failed = 0;
  for (const { server, options, calls } of [everything, filesIn(folder), await browserIn()]) {
    const tools = await mcpTools(server, options);
    console.log(`${options.name}: ${tools.length} tools`);
    for (const [name, input, said] of calls) {
      const answer = await call(
        tools.find(({ mcp }) => mcp.name === name),
        input,
        folder,
      );
      const isWell = said.test(answer);
      if (!isWell) failed += 1;
      console.log(
        isWell ? `passed ${options.name} ${name}` : `FAILED ${options.name} ${name}: ${answer.slice(0, 500)}`,
      );
    }
    await tools[0]?.resource?.close();
  }
  await rm(folder, { recursive: true, force: true });
  return failed;
};
