import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { contextOf, outputOf, serve, serveTestServer, toolsOf } from "./mcp-tools.fixture.ts";

type Message = {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly arguments?: { readonly go?: string } };
};
type Exchange = {
  readonly message: Message;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
};

/** A server of the previous protocol with sessions, written by hand; the test says what a call comes to. */
const sessions = async (call: (exchange: Exchange) => boolean) => {
  const seen: string[] = [];
  const open = new Set<string>();
  let count = 0;
  const reply = ({ response, message }: Exchange, result: unknown): void => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ jsonrpc: "2.0", id: message.id, result }));
  };
  const initialize = (exchange: Exchange): void => {
    const id = `session-${(count += 1)}`;
    open.add(id);
    exchange.response.setHeader("mcp-session-id", id);
    const serverInfo = { name: "raw", version: "1" };
    reply(exchange, { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo });
  };
  const answer = (exchange: Exchange): void => {
    const { message, request, response } = exchange;
    const session = String(request.headers["mcp-session-id"]);
    seen.push(`${request.method} ${message.method ?? ""} ${session}`.replaceAll("  ", " "));
    if (message.method === "server/discover") return void response.writeHead(400).end();
    if (message.method === "initialize") return initialize(exchange);
    if (!open.has(session)) return void response.writeHead(404).end("no such session");
    if (request.method === "DELETE") open.delete(session);
    if (request.method !== "POST") return void response.writeHead(405).end();
    if (message.id === undefined) return void response.writeHead(202).end();
    if (message.method === "tools/list") {
      const tool = { name: "go", description: "Goes.", inputSchema: { type: "object" } };
      return reply(exchange, { tools: [tool] });
    }
    if (call(exchange)) reply(exchange, { content: [{ type: "text", text: `went in ${session}` }] });
  };
  const url = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      answer({ message: (body === "" ? {} : JSON.parse(body)) as Message, request, response });
    });
  });
  return { url, seen, open };
};

describe("a session over HTTP", () => {
  it("is made again when the server has forgotten it, and the call once more, for it was not made", async () => {
    const { url, seen, open } = await sessions(() => true);
    const { tool } = await toolsOf({ url });
    expect(await outputOf(tool("go"), {})).toEqual({ type: "text", value: "went in session-2" });
    open.clear();
    expect(await outputOf(tool("go"), {})).toEqual({ type: "text", value: "went in session-3" });
    const calls = seen.filter((line) => line.includes("tools/call"));
    expect(calls).toEqual([
      "POST tools/call session-2",
      "POST tools/call session-2",
      "POST tools/call session-3",
    ]);
  });

  it("R2 is ended with the session it is for", async () => {
    const { url, seen, open } = await sessions(() => true);
    const { tools, tool } = await toolsOf({ url });
    await outputOf(tool("go"), {});
    expect(tools[0]?.resource?.held()).toEqual({ connections: 1 });
    await tools[0]?.resource?.rest("session-1");
    expect(tools[0]?.resource?.held()).toEqual({ connections: 0 });
    expect(open.size).toBe(0);
    expect(seen.filter((line) => line.startsWith("DELETE"))).toEqual([
      "DELETE session-1",
      "DELETE session-2",
    ]);
  });

  it("R3 is let go of although the server does not answer any more", async () => {
    let isDeaf = false;
    const { url } = await sessions(() => true);
    const forward = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const answered = await fetch(url, {
        method: request.method ?? "POST",
        headers: request.headers as Record<string, string>,
        ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
      });
      response.writeHead(answered.status, Object.fromEntries(answered.headers));
      response.end(Buffer.from(await answered.arrayBuffer()));
    };
    const front = await serve((request, response) => {
      if (!isDeaf) void forward(request, response);
    });
    const { tools, tool } = await toolsOf({ url: front });
    await outputOf(tool("go"), {});
    isDeaf = true;
    await tools[0]?.resource?.close();
    expect(tools[0]?.resource?.held()).toEqual({ connections: 0 });
  });
});

describe("a call over HTTP", () => {
  it.each([
    ["that is refused was not made", 422, false],
    ["that comes too often was not made", 429, false],
    ["at which the server breaks leaves its outcome open", 500, undefined],
    ["that a server in between gives up leaves its outcome open", 502, undefined],
  ] as const)("E2 %s", async (_, status, executed) => {
    const { url } = await sessions(({ response }) => {
      response.writeHead(status).end();
      return false;
    });
    const { tool } = await toolsOf({ url });
    await expect(tool("go").execute({}, contextOf().context)).rejects.toMatchObject({
      code: "MCP_SERVER_FAILED",
      executed,
    });
  });

  it("E2 that is cut off leaves its outcome open, at once", async () => {
    for (const end of [
      (response: ServerResponse) =>
        void response.writeHead(200, { "content-type": "text/event-stream" }).end(": bye\n\n"),
      (response: ServerResponse) => {
        response.writeHead(200, { "content-type": "text/event-stream" }).write(": wait\n\n");
        response.destroy();
      },
      (response: ServerResponse) => void response.destroy(),
    ]) {
      const { url } = await sessions(({ response }) => {
        end(response);
        return false;
      });
      const { tool } = await toolsOf({ url });
      await expect(tool("go").execute({}, contextOf().context)).rejects.toMatchObject({
        code: "MCP_SERVER_FAILED",
        executed: undefined,
      });
    }
  });

  it.each(["application/json", "text/event-stream"])(
    "of which too much comes back as %s fails",
    async (type) => {
      const { url } = await sessions(({ response, message }) => {
        const result = { content: [{ type: "text", text: "x".repeat(20_000_000) }] };
        const body = JSON.stringify({ jsonrpc: "2.0", id: message.id, result });
        response.writeHead(200, { "content-type": type });
        response.end(type === "application/json" ? body : `event: message\ndata: ${body}\n\n`);
        return false;
      });
      const { tool } = await toolsOf({ url });
      await expect(tool("go").execute({}, contextOf().context)).rejects.toMatchObject({
        code: "MCP_SERVER_FAILED",
        executed: undefined,
      });
    },
  );

  it("S1 is sent with the credentials of its own session", async () => {
    const tokens: (string | null)[] = [];
    const url = await serveTestServer((request) => void tokens.push(request.headers.get("authorization")));
    const { tool } = await toolsOf({
      url,
      headers: (caller) => ({ authorization: caller?.session.id ?? "nobody" }),
    });
    expect(new Set(tokens.splice(0))).toEqual(new Set(["nobody"]));
    await outputOf(tool("add"), { a: 1, b: 1 });
    expect(new Set(tokens.splice(0))).toEqual(new Set(["session-1"]));
    await outputOf(tool("add"), { a: 1, b: 1 }, contextOf({ sessionId: "session-2" }).context);
    expect(new Set(tokens)).toEqual(new Set(["session-2"]));
  });

  it("S1 has no credentials of a caller's on a connection that many share", async () => {
    const headers = (caller: unknown) => ({ authorization: String(caller) });
    await expect(
      toolsOf({ url: "http://127.0.0.1:9/", headers }, { sharing: "shared" }),
    ).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });
});
