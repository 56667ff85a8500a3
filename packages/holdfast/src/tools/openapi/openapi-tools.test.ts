import { writeFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { JsonObject, JsonValue } from "../../core/json.ts";
import { contextWith, documentOf, json, startApi } from "./api-server.fixture.ts";
import { openapiTools } from "./openapi-tools.ts";
import type { OpenApiOptions } from "./openapi-options.ts";

const BASE = "http://127.0.0.1:9";

const one = async (document: object, options: OpenApiOptions = {}) => {
  const [tool] = await openapiTools(document, { baseUrl: BASE, ...options });
  return tool ?? expect.fail("no tool");
};

const text = { type: "string" };
const parameter = (name: string, place: string, more: JsonObject = {}): JsonObject => ({
  name,
  in: place,
  schema: text,
  ...more,
});
const jsonBody = (schema: JsonValue, required = true): JsonObject => ({
  required,
  content: { "application/json": { schema } },
});

describe("tools of a document", () => {
  test("a tool has the parameters and the fields of the body side by side, with what is required", async () => {
    const tool = await one(
      documentOf({
        "/pets/{id}": {
          parameters: [parameter("id", "path", { required: true })],
          patch: {
            operationId: "pets.update",
            summary: "Change a pet",
            parameters: [parameter("dryRun", "query", { schema: { type: "boolean" } })],
            requestBody: jsonBody({
              type: "object",
              required: ["name"],
              properties: { name: text, age: { type: "integer", nullable: true } },
            }),
          },
        },
      }),
    );
    expect(tool).toMatchObject({ name: "pets_update", description: "Change a pet" });
    expect(tool.policy.effect).toBe("write");
    expect(tool.inputSchema).toEqual({
      type: "object",
      properties: {
        dryRun: { type: "boolean" },
        id: { type: "string" },
        name: { type: "string" },
        age: { type: ["integer", "null"] },
      },
      required: ["id", "name"],
      additionalProperties: false,
    });
    expect(await tool.parseInput({ id: "1", name: "Rex", age: null })).toMatchObject({ ok: true });
    expect(await tool.parseInput({ id: "1" })).toMatchObject({ ok: false });
  });

  test("names that clash go in groups, and a body that may be left out is one member", async () => {
    const clash = await one(
      documentOf({
        "/a/{id}": {
          post: {
            parameters: [parameter("id", "path"), parameter("id", "query"), parameter("x-a", "header")],
            requestBody: jsonBody({ type: "object", properties: { id: text } }),
          },
        },
      }),
    );
    expect(clash.inputSchema).toMatchObject({
      properties: {
        path: { required: ["id"], properties: { id: text } },
        query: { properties: { id: text } },
        header: { properties: { "x-a": text } },
        body: { properties: { id: text } },
      },
      required: ["path", "body"],
    });
    const optional = await one(
      documentOf({
        "/a": {
          post: {
            requestBody: jsonBody({ type: "object", required: ["b"], properties: { b: text } }, false),
          },
        },
      }),
    );
    expect(optional.inputSchema).toEqual({
      type: "object",
      properties: { body: { type: "object", required: ["b"], properties: { b: text } } },
      additionalProperties: false,
    });
  });

  test("circular references stay references, and only what is reached is brought", async () => {
    const tool = await one(
      documentOf(
        {
          "/trees": { post: { requestBody: jsonBody({ $ref: "#/components/schemas/Tree" }) } },
        },
        {
          components: {
            schemas: {
              Tree: {
                type: "object",
                required: ["root"],
                properties: { root: { $ref: "#/components/schemas/Node" } },
              },
              Node: {
                type: "object",
                properties: {
                  value: text,
                  children: { type: "array", items: { $ref: "#/components/schemas/Node" } },
                },
              },
              Itself: { allOf: [{ $ref: "#/components/schemas/Itself" }] },
            },
          },
        },
      ),
    );
    expect(tool.inputSchema["properties"]).toEqual({ root: { $ref: "#/$defs/Node" } });
    expect(Object.keys(tool.inputSchema["$defs"] as object)).toEqual(["Node"]);
    expect(await tool.parseInput({ root: { children: [{ children: [{ value: "x" }] }] } })).toMatchObject({
      ok: true,
    });
    expect(await tool.parseInput({ root: { children: [{ value: 1 }] } })).toMatchObject({ ok: false });
  });

  test("S2 parts that name each other a hundred times are looked at once", async () => {
    const depth = 7;
    const schemas = Object.fromEntries(
      Array.from({ length: depth }, (_, at) => [
        `P${at}`,
        at === depth - 1
          ? { type: "object", properties: { name: text } }
          : { allOf: Array.from({ length: 100 }, () => ({ $ref: `#/components/schemas/P${at + 1}` })) },
      ]),
    );
    const tool = await one(
      documentOf(
        { "/a": { post: { requestBody: jsonBody({ $ref: "#/components/schemas/P0" }) } } },
        { components: { schemas } },
      ),
    );
    expect(tool.inputSchema["properties"]).toEqual({ name: text });
    expect(await tool.parseInput({ name: "x" })).toMatchObject({ ok: true });
  });

  test("a schema that refers to itself and nothing else says nothing, and checking ends", async () => {
    const schemas = {
      A: { allOf: [{ $ref: "#/components/schemas/B" }] },
      B: { anyOf: [{ $ref: "#/components/schemas/A" }, { type: "object" }] },
      C: { $ref: "#/components/schemas/C" },
      __proto__x: { type: "object" },
    };
    for (const name of Object.keys(schemas)) {
      const tool = await one(
        documentOf(
          { "/a": { post: { requestBody: jsonBody({ $ref: `#/components/schemas/${name}` }) } } },
          { components: { schemas } },
        ),
      );
      expect(await tool.parseInput({ body: {} })).toMatchObject({ ok: true });
    }
  });

  test("what is broken in a schema is left out, and the tool comes all the same", async () => {
    const tool = await one(
      documentOf({
        "/a": {
          get: {
            parameters: [
              parameter("a", "query", { schema: { type: "String", pattern: "[", enum: [1, 1, 2] } }),
              parameter("b", "query", {
                schema: { type: "int", minimum: "3", exclusiveMinimum: true, maxLength: -1 },
              }),
              parameter("c", "query", { schema: { $ref: "other.yaml#/C" } }),
              parameter("d", "query", { schema: { type: "frob", required: true, enum: [] } }),
              parameter("e", "query", {
                schema: { type: "string", format: "int32", nullable: true, enum: ["x"] },
              }),
              { $ref: "#/components/parameters/missing" },
            ],
          },
        },
      }),
    );
    expect(tool.inputSchema["properties"]).toEqual({
      a: { type: "string", enum: ["1", "2"] },
      b: { type: "integer", exclusiveMinimum: 3 },
      c: { description: expect.any(String) },
      d: {},
      e: { type: ["string", "null"], format: "int32", enum: ["x", null] },
    });
    expect(await tool.parseInput({ b: 3 })).toMatchObject({ ok: false });
    expect(await tool.parseInput({ b: 4, e: null, d: [1] })).toMatchObject({ ok: true });
  });

  test("definitions past the limit are only named", async () => {
    const properties = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`field${index}`, text]));
    const schemas = Object.fromEntries(
      Array.from({ length: 50 }, (_, index) => [
        `S${index}`,
        {
          type: "object",
          properties: { ...properties, next: { $ref: `#/components/schemas/S${index + 1}` } },
        },
      ]),
    );
    const document = documentOf(
      { "/a": { post: { requestBody: jsonBody({ $ref: "#/components/schemas/S0" }) } } },
      { components: { schemas } },
    );
    const tool = await one(document, { maxSchemaChars: 5_000 });
    const definitions = tool.inputSchema["$defs"] as JsonObject;
    expect(JSON.stringify(definitions).length).toBeLessThan(6_000);
    expect(Object.values(definitions).at(-1)).toEqual({ description: expect.stringContaining("left out") });
    expect(await tool.parseInput({ next: { next: { anything: 1 } } })).toMatchObject({ ok: true });
  });

  test("names are valid, unique and the same whatever is included", async () => {
    const paths = {
      "/users": { get: {}, post: { operationId: "users" } },
      "/users/": { get: {}, post: { operationId: "users" } },
      [`/${"long".repeat(30)}`]: { get: {} },
      "/": { get: {} },
    };
    const tools = await openapiTools(documentOf(paths), { baseUrl: BASE, namePrefix: "x_" });
    const names = tools.map(({ name }) => name);
    expect(new Set(names).size).toBe(6);
    expect(names.every((name) => /^[a-zA-Z0-9_-]{1,64}$/.test(name))).toBe(true);
    const some = await openapiTools(documentOf(paths), {
      baseUrl: BASE,
      namePrefix: "x_",
      include: ["GET /users*", "users"],
      exclude: ({ path, method }) => path === "/users" && method === "GET",
    });
    expect(some.map(({ name }) => name)).toEqual(names.slice(1, 4));
  });

  test("E2 effects are by method, the document makes them stricter, and weaker only where it is trusted", async () => {
    const api = await startApi((_, response) =>
      json(
        response,
        documentOf({
          "/a": {
            get: { "x-holdfast-effect": "write" },
            put: {},
            post: { "x-holdfast-effect": "read", "x-holdfast-needs-approval": true },
            patch: {},
            delete: {},
          },
        }),
      ),
    );
    const effects = async (options: OpenApiOptions) =>
      (await openapiTools(`${api.url}/openapi.json`, options)).map(({ policy }) => policy.effect);
    expect(await effects({})).toEqual(["write", "idempotent", "write", "idempotent", "write"]);
    expect(await effects({ isTrusted: true })).toEqual([
      "write",
      "idempotent",
      "read",
      "idempotent",
      "write",
    ]);
    expect(await effects({ effect: ({ method }) => (method === "DELETE" ? "write" : undefined) })).toContain(
      "write",
    );
    const tools = await openapiTools(`${api.url}/openapi.json`);
    expect(tools.map((tool) => "approval" in tool)).toEqual([false, false, true, false, false]);
  });

  test("a document is read from a file in YAML, and its server and Swagger 2 are understood", async () => {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-openapi-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const api = await startApi();
    const path = join(folder, "api.yaml");
    await writeFile(
      path,
      [
        'swagger: "2.0"',
        `host: ${api.url.slice("http://".length)}`,
        "basePath: /v1",
        "schemes: [http]",
        "paths:",
        "  /items/{id}:",
        "    post:",
        "      consumes: [application/x-www-form-urlencoded]",
        "      parameters:",
        "        - {name: id, in: path, type: string, required: true}",
        "        - {name: tags, in: query, type: array, items: {type: string}, collectionFormat: pipes}",
        "        - {name: many, in: query, type: array, items: {type: string}, collectionFormat: multi}",
        "        - {name: title, in: formData, type: string, required: true}",
        "        - {name: lines, in: formData, type: array, items: {type: string}}",
      ].join("\n"),
    );
    const [tool] = await openapiTools(path);
    expect(tool?.inputSchema).toMatchObject({ required: ["id", "title"] });
    await tool?.execute(
      { id: "a b", tags: ["x", "y"], many: ["1", "2"], title: "A & b", lines: ["l", "m"] },
      contextWith(),
    );
    expect(api.seen).toMatchObject([
      {
        method: "POST",
        url: "/v1/items/a%20b?tags=x%7Cy&many=1&many=2",
        body: "title=A+%26+b&lines=l,m",
        headers: { "content-type": "application/x-www-form-urlencoded" },
      },
    ]);
  });

  test("static arguments are not seen, and go over what the model gives", async () => {
    const api = await startApi();
    const tool = await one(
      documentOf({
        "/a/{account}": {
          post: {
            "x-holdfast-static-arguments": { source: "agent" },
            parameters: [parameter("account", "path"), parameter("source", "query", { required: true })],
            requestBody: jsonBody({
              type: "object",
              required: ["note"],
              properties: { note: text, channel: text },
            }),
          },
        },
      }),
      { baseUrl: api.url, staticArguments: { account: "acme", channel: "mail", elsewhere: 1 } },
    );
    expect(tool.inputSchema).toEqual({
      type: "object",
      properties: { note: text },
      required: ["note"],
      additionalProperties: false,
    });
    await tool.execute({ note: "hi", account: "other" }, contextWith());
    expect(api.seen).toMatchObject([{ url: "/a/acme?source=agent", body: '{"note":"hi","channel":"mail"}' }]);
  });

  test("members may have names that every provider takes", async () => {
    const api = await startApi();
    const tool = await one(
      documentOf({
        "/a": {
          get: {
            parameters: [
              parameter("$filter", "query", { required: true, description: "Which." }),
              parameter("filter", "query"),
              parameter("ids[]", "query"),
              parameter("x".repeat(70), "query"),
            ],
          },
        },
      }),
      { baseUrl: api.url, safeNames: true },
    );
    const properties = Object.keys(tool.inputSchema["properties"] as object);
    expect(properties).toEqual(["filter_2", "filter", "ids", "x".repeat(64)]);
    expect(tool.inputSchema).toMatchObject({
      required: ["filter_2"],
      properties: { filter_2: { description: "Which.\nThe API calls it $filter." } },
    });
    await tool.execute({ filter_2: "a eq 1", filter: "b", ids: "c" }, contextWith());
    expect(api.seen[0]?.url).toBe("/a?%24filter=a%20eq%201&filter=b&ids%5B%5D=c");
  });

  test("a document that goes round in itself, or is very deep, is told of and does not end the process", async () => {
    const circle: Record<string, unknown> = { type: "object" };
    circle["properties"] = { again: circle };
    let deep: JsonObject = text;
    for (let level = 0; level < 20_000; level += 1) deep = { type: "array", items: deep };
    for (const schema of [circle, deep]) {
      const reasons: string[] = [];
      const body = { required: true, content: { "application/json": { schema } } };
      const tools = await openapiTools(documentOf({ "/a": { post: { requestBody: body }, get: {} } }), {
        baseUrl: BASE,
        onRefused: ({ reason }) => void reasons.push(reason),
      });
      expect(tools.map(({ name }) => name)).toEqual(["get_a"]);
      expect(reasons).toHaveLength(1);
    }
  });

  test("two thousand operations on one large schema are quick, and share it", async () => {
    const names = Array.from({ length: 200 }, (_, index) => `S${index}`);
    const schemas = Object.fromEntries(
      names.map((name, index) => [
        name,
        {
          type: "object",
          properties: Object.fromEntries(
            names.map((other, at) => [
              `p${at}`,
              { $ref: `#/components/schemas/${at % 2 === index % 2 ? other : name}` },
            ]),
          ),
        },
      ]),
    );
    const paths = Object.fromEntries(
      Array.from({ length: 2_000 }, (_, index) => [
        `/a${index}`,
        { put: { requestBody: jsonBody({ $ref: "#/components/schemas/S0" }) } },
      ]),
    );
    const tools = await openapiTools(documentOf(paths, { components: { schemas } }), { baseUrl: BASE });
    expect(tools).toHaveLength(2_000);
    const [first, last] = [tools[0], tools.at(-1)].map(
      (tool) => tool?.inputSchema["$defs"] as JsonObject | undefined,
    );
    expect(first?.["S2"]).toBe(last?.["S2"]);
  });

  test("options and schemes that do not exist, and an API without an address, are refused", async () => {
    const document = documentOf({ "/a": { get: {} } });
    await expect(openapiTools(document, { baseURL: BASE } as object)).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
    await expect(openapiTools(document, { baseUrl: "http://u:p@h/" })).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
    await expect(openapiTools(document, { baseUrl: BASE, auth: { key: () => "k" } })).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
    await expect(openapiTools(document)).rejects.toMatchObject({ code: "DEFINITION_INVALID" });
    await expect(openapiTools({ openapi: "4.0.0" })).rejects.toMatchObject({ code: "DEFINITION_INVALID" });
    const reasons: string[] = [];
    expect(await openapiTools(document, { onRefused: ({ reason }) => void reasons.push(reason) })).toEqual(
      [],
    );
    expect(reasons).toEqual([expect.stringContaining("baseUrl")]);
  });
});
