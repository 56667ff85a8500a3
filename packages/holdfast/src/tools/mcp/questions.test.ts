import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Suspension } from "../../ports/suspension.ts";
import type { ToolContext } from "../../ports/tool.ts";
import { contextOf, outputOf, serveTestServer, temporary, testServer, toolsOf } from "./mcp-tools.fixture.ts";

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
