/** The MCP servers of the documents: one in a process of its own, and one over HTTP. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { createRuntime, defineAgent, type AgentDefinition, type Runtime } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { expect, onTestFinished, test } from "vitest";
import { makeDesk } from "./desk-server.ts";
import { answer, connect, defineClerk, pinned } from "./tools-mcp.ts";

const openRuntime = async (agent: AgentDefinition): Promise<Runtime> => {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-mcp-"));
  const runtime = await createRuntime({ agents: [agent], dataDir, secrets: { desk_token: "s3cret" } });
  onTestFinished(async () => {
    await runtime.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  return runtime;
};

/** Calls the one tool, and says what it said. */
const calling = (name: string) =>
  scriptedModel(({ toolResults }) => {
    const said = toolResults.at(-1);
    return said === undefined
      ? { toolCalls: [{ name, input: { number: 7 } }] }
      : { text: JSON.stringify(said.output) };
  });

const listen = async (server: Server): Promise<string> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? `http://127.0.0.1:${address.port}/mcp` : "";
};

/** The same desk over HTTP; what it was sent to authorise with is kept. */
const serveDesk = async (): Promise<{ readonly url: string; readonly tokens: Set<string | undefined> }> => {
  const handler = createMcpHandler(makeDesk);
  const tokens = new Set<string | undefined>();
  const answerDesk = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    tokens.add(incoming.headers.authorization);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const request = new Request("http://127.0.0.1/mcp", {
      method: incoming.method ?? "POST",
      headers: incoming.headers as Record<string, string>,
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
    });
    const response = await handler.fetch(request);
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    for await (const chunk of response.body ?? []) outgoing.write(chunk);
    outgoing.end();
  };
  const server = createServer((incoming, outgoing) => void answerDesk(incoming, outgoing));
  return { url: await listen(server), tokens };
};

test("docs/tools-mcp.md: a server in a process of its own finds a ticket", async () => {
  const agent = await defineClerk(calling("desk_find_ticket"));
  const runtime = await openRuntime(agent);
  const run = await (await runtime.createSession(agent)).send("What is ticket 7?");
  expect(await run.outcome()).toMatchObject({
    status: "completed",
    text: expect.stringContaining("on fire"),
  });
});

test("docs/tools-mcp.md: a server asks why, the run waits for a signal, and goes on", async () => {
  const agent = await defineClerk(calling("desk_close_ticket"));
  const runtime = await openRuntime(agent);
  const session = await runtime.createSession(agent);
  const run = await session.send("Close ticket 7.");
  const outcome = await run.outcome();
  if (outcome.status !== "suspended") throw new TypeError(JSON.stringify(outcome));
  const [wait] = outcome.waitingFor;
  if (wait?.kind !== "signal") throw new TypeError("it waits for something else");
  await answer(session, wait.key ?? "");
  const end = await run.outcome({ until: "settled" });
  expect(end).toMatchObject({ status: "completed", text: expect.stringContaining("the fire is out") });
});

test("docs/tools-mcp.md: a server over HTTP, with credentials, an effect of our own, and a pin", async () => {
  const { url, tokens } = await serveDesk();
  const tools = await connect(url, () => "s3cret");
  expect(tools.map(({ name, policy }) => [name, policy.effect])).toEqual([
    ["desk_find_ticket", "read"],
    ["desk_close_ticket", "write"],
  ]);
  expect([...tokens]).toEqual(["Bearer s3cret"]);
  const agent = defineAgent({
    name: "clerk",
    model: calling("desk_find_ticket"),
    instructions: "Work.",
    tools,
  });
  const runtime = await openRuntime(agent);
  const run = await (await runtime.createSession(agent)).send("What is ticket 7?");
  expect(await run.outcome()).toMatchObject({
    status: "completed",
    text: expect.stringContaining("on fire"),
  });
  const digest = tools.find(({ mcp }) => mcp.name === "close_ticket")?.mcp.digest ?? "";
  expect(await pinned(url, digest)).toHaveLength(2);
  await expect(pinned(url, "sha256-0")).rejects.toMatchObject({ code: "MCP_TOOL_CHANGED" });
});
