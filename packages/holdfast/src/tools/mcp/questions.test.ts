import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Suspension } from "../../ports/suspension.ts";
import type { JsonObject } from "../../core/json.ts";
import type { ToolContext } from "../../ports/tool.ts";
import type { McpStdioServer } from "./mcp-options.ts";
import {
  contextOf,
  outputOf,
  programServer,
  serveTestServer,
  temporary,
  testServer,
  toolsOf,
} from "./mcp-tools.fixture.ts";

/** The same call, entered again with an answer. */
const resumed = (context: ToolContext, value: unknown): ToolContext => ({
  ...context,
  attempt: 2,
  resume: { by: "signal", value: value as never },
});

const CURRENT = [
  ["stdio", async () => testServer()],
  ["streamable HTTP", async () => ({ url: await serveTestServer() })],
] as const;

describe.each(CURRENT)("a question of the current protocol over %s", (_, start) => {
  it("S3 suspends the call, which goes on with the answer where it was, on another connection", async () => {
    const { tools, tool } = await toolsOf(await start());
    const { context, files, progress } = contextOf();
    const first = await tool("ask_and_write").execute({}, context);
    expect(first).toEqual(new Suspension({ until: null, timeoutMs: null, key: "mcp:test:call_1_0" }));
    const question = JSON.parse(String(files.get("mcp-questions/call_1_0.json"))) as unknown;
    expect(question).toMatchObject({ signal: "mcp:test:call_1_0", question: { message: "Which size?" } });
    expect(progress).toEqual(["test asks: Which size?"]);
    await tools[0]?.resource?.rest("session-1");
    const answer = resumed(context, { action: "accept", content: { size: "L" } });
    expect(await outputOf(tool("ask_and_write"), {}, answer)).toEqual({
      type: "text",
      value: "size L, half way",
    });
  });

  it("can be declined, and answered with the content alone", async () => {
    const { tool } = await toolsOf(await start());
    const { context } = contextOf();
    await tool("ask").execute({}, context);
    expect(await outputOf(tool("ask"), {}, resumed(context, { action: "decline" }))).toMatchObject({
      value: "no size",
    });
    await tool("ask").execute({}, context);
    expect(await outputOf(tool("ask"), {}, resumed(context, { size: "S" }))).toMatchObject({
      value: "size S, half way",
    });
  });

  it("is answered at once where there is who answers", async () => {
    const { tool } = await toolsOf(await start(), {
      elicitation: ({ tool: asking, message }) => ({
        action: "accept",
        content: { size: `${asking}: ${message}` },
      }),
    });
    expect(await outputOf(tool("ask"), {})).toMatchObject({ value: "size ask: Which size?, half way" });
  });
});

describe("a question of the previous protocol", () => {
  it("S3 breaks off a call that may be repeated, which is made again with the answer", async () => {
    const notes = join(await temporary(), "notes");
    const server = testServer("--legacy");
    const { tool } = await toolsOf({ ...server, env: { ...server.env, NOTES: notes } }, { trusted: true });
    const { context } = contextOf();
    expect(await tool("ask").execute({}, context)).toBeInstanceOf(Suspension);
    const answer = resumed(context, { action: "accept", content: { size: "L" } });
    expect(await outputOf(tool("ask"), {}, answer)).toEqual({ type: "text", value: "size L" });
    expect(await readFile(notes, "utf8")).toBe("ask\nask\n");
  });

  it("E2 is declined in a call that may have begun to write, and the model is told", async () => {
    const { tool } = await toolsOf(testServer("--legacy"), { trusted: true });
    const { value } = await outputOf(tool("ask_and_write"), {});
    expect(value).toMatch(/^no size: decline\n\[While it worked, test asked: "Which size\?"/);
  });

  it("S1 is declined on a connection that many share", async () => {
    const { tool } = await toolsOf(testServer("--legacy"), { trusted: true, sharing: "shared" });
    expect(await outputOf(tool("ask"), {})).toMatchObject({ value: "no size: decline" });
  });

  it("is answered at once where there is who answers, with what the form has for a default", async () => {
    const { tool } = await toolsOf(testServer("--legacy"), {
      elicitation: () => ({ action: "accept", content: {} }),
    });
    expect(await outputOf(tool("ask_and_write"), {})).toMatchObject({ value: "size M" });
  });
});

type Asking = "current" | "previous" | "current, again and again";

/** A server, written by hand, that asks this whatever it is told that the client can do, and says what it was answered. */
const askingAnyway = (protocol: Asking, asked: JsonObject): McpStdioServer =>
  programServer(`
    const isCurrent = ${JSON.stringify(protocol !== "previous")};
    const hears = ${JSON.stringify(protocol !== "current, again and again")};
    const asked = { method: "elicitation/create", params: ${JSON.stringify(asked)} };
    const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
    const complete = (id, result) => send({ id, result: { ...(isCurrent ? { resultType: "complete" } : {}), ...result } });
    const say = (id, answer) => complete(id, { content: [{ type: "text", text: JSON.stringify(answer) }] });
    const capabilities = { tools: {} };
    const serverInfo = { name: "asking", version: "1" };
    const tools = [{ name: "go", description: "Goes.", inputSchema: { type: "object" } }];
    let calling = null;
    const handle = ({ id, method, params, result, error }) => {
      if (method === "server/discover" && isCurrent) complete(id, { supportedVersions: ["2026-07-28"], capabilities });
      else if (method === "initialize") complete(id, { protocolVersion: "2025-11-25", capabilities, serverInfo });
      else if (method === "tools/list") complete(id, { tools, ...(isCurrent ? { ttlMs: 0, cacheScope: "private" } : {}) });
      else if (method === "tools/call" && params.inputResponses && hears) say(id, params.inputResponses.it);
      else if (method === "tools/call" && isCurrent)
        send({ id, result: { resultType: "input_required", inputRequests: { it: asked }, requestState: "half way" } });
      else if (method === "tools/call") { calling = id; send({ id: "asked", ...asked }); }
      else if (id === "asked") say(calling, result ?? error.code);
      else if (id !== undefined) send({ id, error: { code: -32601, message: "no" } });
    };
    let rest = "";
    process.stdin.on("data", (chunk) => {
      const lines = (rest + chunk).split("\\n");
      rest = lines.pop();
      lines.filter(Boolean).map((line) => JSON.parse(line)).forEach(handle);
    });
    process.stdin.on("end", () => process.exit(0));`);

const FORM = { message: "Which size?", requestedSchema: { type: "object", properties: {} } };
/** With a form in it, so that it might be taken for one. */
const PAGE = { ...FORM, mode: "url", url: "https://example.com/login", elicitationId: "1" };

describe("a question where none is answered", () => {
  it("is not asked by a server of the current protocol, whose call did nothing", async () => {
    const { tool } = await toolsOf(testServer(), { elicitation: "decline", trusted: true });
    await expect(tool("ask").execute({}, contextOf().context)).rejects.toMatchObject({
      code: "MCP_SERVER_FAILED",
      executed: false,
      message: expect.stringContaining("capabilities"),
    });
  });

  it("is not asked by a server of the previous one, which says so as the result", async () => {
    const { tool } = await toolsOf(testServer("--legacy"), { elicitation: "decline", trusted: true });
    expect(await outputOf(tool("ask"), {})).toMatchObject({
      type: "error",
      value: expect.stringContaining("does not support"),
    });
  });

  it("is declined where it is asked all the same, and the model is told", async () => {
    const current = await toolsOf(askingAnyway("current", FORM), { elicitation: "decline" });
    expect((await outputOf(current.tool("go"), {})).value).toMatch(
      /^{"action":"decline"}\n\[While it worked, test asked: "Which size\?"/,
    );
    const previous = await toolsOf(askingAnyway("previous", FORM), { elicitation: "decline" });
    // JSON-RPC: there is no such method here.
    expect(await outputOf(previous.tool("go"), {})).toEqual({ type: "text", value: "-32601" });
  });
});

describe("a page that is to be opened", () => {
  const ANSWERING = [
    ["somebody may answer", "suspend"],
    ["a function answers", () => expect.unreachable()],
  ] as const;

  it.each(ANSWERING)("is declined in the current protocol, where %s", async (_, elicitation) => {
    const { tool } = await toolsOf(askingAnyway("current", PAGE), { elicitation, trusted: true });
    expect(await outputOf(tool("go"), {})).toEqual({ type: "text", value: '{"action":"decline"}' });
  });

  it.each(ANSWERING)("is refused in the previous protocol, where %s", async (_, elicitation) => {
    const { tool } = await toolsOf(askingAnyway("previous", PAGE), { elicitation, effect: { go: "read" } });
    // JSON-RPC: that is nothing that can be asked here.
    expect(await outputOf(tool("go"), {})).toEqual({ type: "text", value: "-32602" });
  });
});

describe("a call with questions", () => {
  it("S1 goes on with the answers that people gave, and with none that was written where the model can write", async () => {
    const { tool } = await toolsOf(testServer());
    const { context, files } = contextOf();
    await tool("ask").execute({}, context);
    const told = JSON.parse(String(files.get("mcp-questions/call_1_0.json"))) as object;
    const round = {
      requests: {},
      responses: { size: { action: "accept", content: { size: "XXL" } } },
      requestState: "all the way",
    };
    files.set(
      "mcp-questions/call_1_0.json",
      JSON.stringify({ ...told, answers: [], round, waitingFor: null }),
    );
    expect(await outputOf(tool("ask"), {}, resumed(context, { action: "decline" }))).toMatchObject({
      value: "no size",
    });
  });

  it("says what to do where what it waited for is not there any more", async () => {
    const { tool } = await toolsOf(testServer());
    const { context } = contextOf({ folder: await temporary() });
    await expect(tool("ask").execute({}, resumed(context, true))).rejects.toMatchObject({
      code: "MCP_SERVER_FAILED",
      executed: false,
      message: expect.stringContaining("mcp-questions/call_1_0.json"),
      hint: expect.stringContaining("mcp-questions/"),
    });
  });

  it("E6 may ask twenty times, and no more", async () => {
    const server = askingAnyway("current, again and again", FORM);
    let answers = 0;
    const elicitation = () => {
      answers += 1;
      return { action: "decline" } as const;
    };
    const { tool } = await toolsOf(server, { elicitation });
    await expect(tool("go").execute({}, contextOf().context)).rejects.toMatchObject({
      code: "MCP_SERVER_FAILED",
      executed: undefined,
      hint: expect.stringContaining("20 times"),
    });
    // The last time it is not answered any more.
    expect(answers).toBe(19);
  });
});
