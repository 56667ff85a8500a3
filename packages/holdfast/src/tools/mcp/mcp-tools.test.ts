import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  contextOf,
  isAlive,
  outputOf,
  serveTestServer,
  temporary,
  testServer,
  toolsOf,
} from "./mcp-tools.fixture.ts";

const SOON = { timeout: 30_000 };

const SERVERS = [
  ["stdio, current protocol", async () => testServer()],
  ["stdio, previous protocol", async () => testServer("--legacy")],
  ["streamable HTTP", async () => ({ url: await serveTestServer() })],
] as const;

describe.each(SERVERS)("the tools of a server over %s", (_, start) => {
  it("are called, and what they say is shown", async () => {
    const { tools, tool } = await toolsOf(await start(), { trusted: true });
    expect(tools.map(({ name }) => name)).toContain("test_add");
    expect(await outputOf(tool("add"), { a: 1, b: 2 })).toEqual({ type: "json", value: { sum: 3 } });
    expect(await outputOf(tool("put"), { value: "x" })).toEqual({ type: "text", value: "put x" });
  });

  it("E2 are told the key of the call, by which a server knows it again", async () => {
    const { tool } = await toolsOf(await start());
    const answered = await tool("put").execute({ value: "x" }, contextOf().context);
    expect(answered).toMatchObject({
      result: { _meta: { asked: { "holdfast/idempotencyKey": "key-1" } } },
    });
  });

  it("show pictures, sound and resources as parts", async () => {
    const { tool } = await toolsOf(await start());
    expect(await outputOf(tool("show"), {})).toMatchObject({
      type: "content",
      value: [
        { type: "text", text: "a dot" },
        { type: "file", mediaType: "image/png" },
        { type: "file", mediaType: "audio/wav" },
        { type: "text", text: "[note://1]\nremember" },
        { type: "text", text: "[Resource note://2: two]" },
      ],
    });
  });

  it("E2 say that they failed, and the call took place", async () => {
    const { tool } = await toolsOf(await start());
    expect(await outputOf(tool("refuse"), {})).toEqual({ type: "error", value: "not today" });
  });

  it("tell how far they are", async () => {
    const { tool } = await toolsOf(await start());
    const { context, progress } = contextOf();
    expect(await outputOf(tool("count"), {}, context)).toEqual({ type: "text", value: "counted" });
    expect(progress).toEqual(["counting 1/3", "counting 2/3", "counting 3/3"]);
  });

  it("have the session's workspace for a root", async () => {
    const { tool } = await toolsOf(await start());
    const folder = await temporary();
    const { context } = contextOf({ folder });
    expect(JSON.stringify(await outputOf(tool("roots"), {}, context))).toContain(`file://${folder}`);
  });
});

describe("a server in a process of its own", () => {
  it("R1 is started by the first call, R2 ended when its session rests, and started again", async () => {
    const { tools, tool } = await toolsOf(testServer());
    const { resource } = tools[0] ?? {};
    expect(resource?.held()).toEqual({ processes: 0 });
    const first = await outputOf(tool("pid"), {});
    expect(resource?.held()).toEqual({ processes: 1 });
    expect(await outputOf(tool("pid"), {})).toEqual(first);
    await resource?.rest("session-1");
    expect(resource?.held()).toEqual({ processes: 0 });
    expect(await isAlive(Number(first.value))).toBe(false);
    expect(await outputOf(tool("pid"), {})).not.toEqual(first);
  });

  it("S1 is another one for another session, and the same for all where it is shared", async () => {
    const { tool } = await toolsOf(testServer());
    const other = contextOf({ sessionId: "session-2" }).context;
    expect(await outputOf(tool("pid"), {})).not.toEqual(await outputOf(tool("pid"), {}, other));
    const shared = await toolsOf(testServer(), { sharing: "shared" });
    expect(await outputOf(shared.tool("pid"), {})).toEqual(await outputOf(shared.tool("pid"), {}, other));
  });

  it("O2 has only a small part of our environment, and what it is given", async () => {
    process.env["HOLDFAST_TEST_SECRET"] = "not for others";
    const { tool } = await toolsOf({
      ...testServer(),
      env: (caller) => ({ TOKEN: caller?.secret("token") ?? "nobody" }),
    });
    const { value } = await outputOf(tool("env"), {});
    delete process.env["HOLDFAST_TEST_SECRET"];
    const said = JSON.stringify(value);
    expect(said).not.toContain("not for others");
    expect(JSON.parse(JSON.parse(said))).toMatchObject({ TOKEN: "secret-token", PATH: process.env["PATH"] });
  });

  it("E2 that dies in a call leaves its outcome open, and the next call starts it again", async () => {
    const { tool } = await toolsOf(testServer());
    const { context } = contextOf();
    const died = await Promise.resolve(tool("die").execute({}, context)).catch((thrown: unknown) => thrown);
    expect(died).toMatchObject({ code: "MCP_SERVER_FAILED", executed: undefined });
    expect(await outputOf(tool("add"), { a: 1, b: 1 }, context)).toMatchObject({ value: { sum: 2 } });
  });

  it("E5 is told when a call is cancelled", async () => {
    const notes = join(await temporary(), "notes");
    const { tool } = await toolsOf({ ...testServer(), env: { NOTES: notes } });
    const stop = new AbortController();
    const { context } = contextOf({ signal: stop.signal });
    const call = Promise.resolve(tool("wait").execute({}, context)).catch((thrown: unknown) => thrown);
    await expect.poll(() => readFile(notes, "utf8").catch(() => ""), SOON).toBe("waiting\n");
    stop.abort();
    expect(await call).toMatchObject({ code: "MCP_SERVER_FAILED" });
    await expect.poll(() => readFile(notes, "utf8"), SOON).toBe("waiting\nstopped\n");
  });
});

describe("the effect of a server's tool", () => {
  it("E2 is write, whatever an untrusted server says of it", async () => {
    const { tools } = await toolsOf(testServer());
    expect(new Set(tools.map(({ policy }) => policy.effect))).toEqual(new Set(["write"]));
  });

  it("E2 is what a trusted server says, or what was decided here", async () => {
    const { tool } = await toolsOf(testServer(), { trusted: true, effect: { refuse: "read", add: "write" } });
    expect(["add", "put", "refuse", "die", "env"].map((name) => tool(name).policy.effect)).toEqual([
      "write",
      "idempotent",
      "read",
      "read",
      "write",
    ]);
  });
});

describe("resources and prompts", () => {
  it("are listed and read by tools of their own", async () => {
    const { tool } = await toolsOf({ url: await serveTestServer() }, { resources: true, prompts: true });
    expect(await tool("list_resources").execute({}, contextOf().context)).toMatchObject({
      resources: [{ uri: "note://1" }],
    });
    expect(await outputOf(tool("test_read_resource"), { uri: "note://1" })).toEqual({
      type: "content",
      value: [{ type: "text", text: "[note://1]\nremember" }],
    });
    const wrong = Promise.resolve(tool("read_resource").execute({ uri: "note://9" }, contextOf().context));
    await expect(wrong).rejects.toMatchObject({ code: "MCP_SERVER_FAILED" });
    expect(await outputOf(tool("list_prompts"), {})).toMatchObject({
      type: "json",
      value: [{ name: "greet" }],
    });
    expect(await outputOf(tool("get_prompt"), { name: "greet", arguments: { who: "Ann" } })).toMatchObject({
      value: [{ text: "user:" }, { text: "Say hello to Ann." }],
    });
  });
});
