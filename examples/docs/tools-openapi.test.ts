/** The tools of docs/tools-openapi.md, against real servers. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRuntime, defineAgent, type AgentDefinition } from "holdfast";
import { openapiTools } from "holdfast/tools";
import { describe, expect, onTestFinished, test } from "vitest";
import { callThenTell } from "./harness.ts";
import { addNumbers, defineBilling, defineClerk, weatherDocument } from "./tools-openapi.ts";

type Reply = { readonly status?: number; readonly body: unknown };

const startApi = async (answer: (request: IncomingMessage, text: string) => Reply) => {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => {
      const { status = 200, body } = answer(request, Buffer.concat(chunks).toString());
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const open = async (agent: AgentDefinition, secrets: Readonly<Record<string, string>> = {}) => {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-docs-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const runtime = await createRuntime({ agents: [agent], dataDir, secrets });
  onTestFinished(() => runtime.close());
  return runtime;
};

const shopDocument = {
  openapi: "3.0.3",
  info: { title: "Shop", version: "1" },
  servers: [{ url: "/v1" }],
  security: [{ shopKey: [] }],
  components: {
    securitySchemes: { shopKey: { type: "apiKey", in: "header", name: "X-Shop-Key" } },
    schemas: {
      Refund: {
        type: "object",
        required: ["cents"],
        properties: { cents: { type: "integer" }, channel: { type: "string" } },
      },
    },
  },
  paths: {
    "/orders": {
      get: {
        operationId: "listOrders",
        parameters: [{ name: "status", in: "query", schema: { type: "array", items: { type: "string" } } }],
      },
      delete: { operationId: "dropAll" },
    },
    "/orders/{id}/refunds": {
      post: {
        operationId: "refundOrder",
        tags: ["refunds"],
        parameters: [
          { name: "id", in: "path", required: true, schema: { type: "string" } },
          { name: "Idempotency-Key", in: "header", schema: { type: "string" } },
        ],
        requestBody: {
          required: true,
          content: { "application/json": { schema: { $ref: "#/components/schemas/Refund" } } },
        },
      },
    },
  },
};

describe("docs/tools-openapi.md", () => {
  test("E2, E4 an agent works by a document: reads at once, and writes once somebody has agreed", async () => {
    const asked: unknown[] = [];
    const url = await startApi(({ method, url: path = "", headers }, text) => {
      if (path === "/openapi.json") return { body: shopDocument };
      asked.push({
        what: `${method} ${path}`,
        key: headers["x-shop-key"],
        once: headers["idempotency-key"],
        text,
      });
      return { body: { echo: headers["x-shop-key"] } };
    });
    const call = async (
      name: string,
      input: { readonly [name: string]: string | number | readonly string[] },
    ) => {
      const clerk = await defineClerk(callThenTell(name, input), `${url}/openapi.json`);
      expect(clerk.tools?.map((tool) => tool.name)).toEqual(["listOrders", "refundOrder"]);
      const runtime = await open(clerk, { "shop-key-acme": "key-of-acme" });
      const session = await runtime.createSession(clerk, { tenant: "acme" });
      const run = await session.send("go");
      return { runtime, run, outcome: await run.outcome() };
    };
    const read = await call("listOrders", { status: ["open", "late"] });
    expect(read.outcome).toMatchObject({ status: "completed", text: expect.stringContaining("echo") });
    expect(JSON.stringify(read.outcome)).not.toContain("key-of-acme");
    const write = await call("refundOrder", { id: "a/7", cents: 5 });
    expect(write.outcome).toMatchObject({ status: "suspended", waitingFor: [{ kind: "approval" }] });
    const { pending } = await write.runtime.pending({ kind: "approval" });
    for (const ask of pending) {
      if (ask.kind === "approval")
        await write.runtime.decide(ask.approvalId, { verdict: "approve", by: "ada" });
    }
    expect(await write.run.outcome({ until: "settled" })).toMatchObject({ status: "completed" });
    expect(asked).toEqual([
      { what: "GET /v1/orders?status=open&status=late", key: "key-of-acme", once: undefined, text: "" },
      {
        what: "POST /v1/orders/a%2F7/refunds",
        key: "key-of-acme",
        once: expect.stringMatching(/.+/),
        text: '{"cents":5,"channel":"assistant"}',
      },
    ]);
  });

  test("a client of OAuth2 gets a token, and goes on with it", async () => {
    const seen: string[] = [];
    const url = await startApi(({ url: path = "", headers }) => {
      seen.push(`${path} ${headers.authorization}`);
      return { body: path === "/token" ? { access_token: "t-1", expires_in: 3_600 } : { ok: true } };
    });
    const document = {
      openapi: "3.0.0",
      info: { title: "Billing", version: "1" },
      security: [{ oauth: ["bills"] }],
      components: {
        securitySchemes: {
          oauth: { type: "oauth2", flows: { clientCredentials: { tokenUrl: "", scopes: {} } } },
        },
      },
      paths: { "/bills": { get: { operationId: "bills" } } },
    };
    const tools = await defineBilling(document, { baseUrl: url, tokenUrl: `${url}/token` });
    const agent = defineAgent({ name: "biller", model: callThenTell("bills", {}), instructions: "", tools });
    const runtime = await open(agent, { "billing-client": "s3cret" });
    const session = await runtime.createSession(agent);
    expect(await (await session.send("go")).outcome()).toMatchObject({ status: "completed" });
    expect(await (await session.send("again")).outcome()).toMatchObject({ status: "completed" });
    expect(seen[0]).toMatch(/^\/token Basic /);
    expect(seen.slice(1).every((line) => line === "/bills Bearer t-1")).toBe(true);
  });

  test("E2 tools that are JSON alone have effects, approvals and arguments of their own", async () => {
    const asked: (string | undefined)[] = [];
    const url = await startApi((request) => {
      asked.push(request.url);
      return { body: { sun: true } };
    });
    const document: unknown = JSON.parse(JSON.stringify(weatherDocument));
    const tools = await openapiTools(document as object, { baseUrl: url });
    expect(tools.map(({ name, policy }) => [name, policy.effect])).toEqual([
      ["forecast", "read"],
      ["sound_alarm", "write"],
    ]);
    expect(tools[0]?.inputSchema).toMatchObject({ properties: { city: {}, days: {} }, required: ["city"] });
    const model = callThenTell("forecast", { city: "Paris", days: 3 });
    const agent = defineAgent({ name: "weather", model, instructions: "", tools });
    const session = await (await open(agent)).createSession(agent);
    expect(await (await session.send("go")).outcome()).toMatchObject({ status: "completed" });
    expect(asked).toEqual(["/forecast/Paris?days=3&units=metric"]);
    const alarmed = defineAgent({
      name: "alarmed",
      model: callThenTell("sound_alarm", { city: "Paris", text: "Rain" }),
      instructions: "",
      tools,
    });
    const other = await (await open(alarmed)).createSession(alarmed);
    expect(await (await other.send("go")).outcome()).toMatchObject({ status: "suspended" });
    expect(asked).toHaveLength(1);
  });

  test("E3 a tool whose form is plain JSON Schema is checked by it", async () => {
    const run = async (input: { readonly numbers: readonly (string | number)[] }) => {
      const agent = defineAgent({
        name: "adder",
        model: callThenTell("add_numbers", input),
        instructions: "",
        tools: [addNumbers],
      });
      const session = await (await open(agent)).createSession(agent);
      return (await session.send("go")).outcome();
    };
    expect(await run({ numbers: [1, 2, 3.5] })).toMatchObject({ text: "6.5" });
    expect(await run({ numbers: ["one"] })).toMatchObject({
      text: expect.stringContaining("TOOL_INPUT_INVALID"),
    });
  });
});
