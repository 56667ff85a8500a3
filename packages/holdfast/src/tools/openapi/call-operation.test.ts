import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { toldByError, ToolError } from "../../core/errors.ts";
import { toFailure } from "../../core/failure.ts";
import type { JsonObject, JsonValue } from "../../core/json.ts";
import type { ToolContext } from "../../ports/tool.ts";
import { contextWith, documentOf, json, startApi } from "./api-server.fixture.ts";
import type { OpenApiOptions } from "./openapi-options.ts";
import { openapiTools } from "./openapi-tools.ts";

const text = { type: "string" };

const one = async (operation: JsonObject, url: string, more: Making = {}) => {
  const { method = "get", path = "/a", options = {}, document = {} } = more;
  const [tool] = await openapiTools(documentOf({ [path]: { [method]: operation } }, document), {
    baseUrl: url,
    ...options,
  });
  return tool ?? expect.fail("no tool");
};

type Making = {
  readonly method?: string;
  readonly path?: string;
  readonly options?: OpenApiOptions;
  readonly document?: JsonObject;
};

/** What became of a call that threw. */
const failureOf = async (work: Promise<unknown>) => {
  const thrown: unknown = await work.then(
    () => expect.fail("it did not fail"),
    (error: unknown) => error,
  );
  return { ...toFailure(thrown), ...toldByError(thrown) };
};

describe("what is sent", () => {
  test("parameters go to their places in every style", async () => {
    const api = await startApi();
    const query = (name: string, style: string, explode: boolean) => ({
      name,
      in: "query",
      style,
      explode,
      schema: {},
    });
    const tool = await one(
      {
        parameters: [
          { name: "m", in: "path", style: "matrix", explode: true, schema: {} },
          { name: "l", in: "path", style: "label", schema: {} },
          { name: "s", in: "path", explode: true, schema: {} },
          query("list", "form", true),
          query("csv", "form", false),
          query("object", "form", true),
          query("space", "spaceDelimited", false),
          query("deep", "deepObject", true),
          { name: "raw", in: "query", allowReserved: true, schema: text },
          { name: "json", in: "query", content: { "application/json": { schema: {} } } },
          { name: "X-List", in: "header", schema: {} },
          { name: "sid", in: "cookie", allowReserved: true, schema: text },
        ],
      },
      api.url,
      { path: "/p/{m}/{l}/{s}?fixed=1" },
    );
    await tool.execute(
      {
        m: ["a", "b"],
        l: ["c", "d e"],
        s: { R: 1, G: 2 },
        list: ["x", "ü&"],
        csv: [1, 2],
        object: { k: "v", n: null },
        space: ["p", "q"],
        deep: { a: { b: "c" }, d: [1] },
        raw: "a/b?c&d",
        json: { q: [1] },
        "X-List": ["h1", "h2"],
        sid: "s;1",
      },
      contextWith(),
    );
    expect(api.seen[0]?.url).toBe(
      "/p/;m=a;m=b/.c,d%20e/R=1,G=2?fixed=1&list=x&list=%C3%BC%26&csv=1,2&k=v&space=p%20q" +
        "&deep%5Ba%5D%5Bb%5D=c&deep%5Bd%5D%5B0%5D=1&raw=a/b?c%26d&json=%7B%22q%22%3A%5B1%5D%7D",
    );
    expect(api.seen[0]?.headers).toMatchObject({ "x-list": "h1,h2", cookie: "sid=s%3B1" });
  });

  test("a form with files has the workspace's, and JSON for objects", async () => {
    const api = await startApi();
    const schema = {
      type: "object",
      properties: {
        title: text,
        meta: { type: "object" },
        file: { type: "string", format: "binary" },
        more: { type: "array", items: text },
      },
    };
    const tool = await one(
      {
        requestBody: {
          required: true,
          content: { "multipart/form-data": { schema, encoding: { file: { contentType: "image/png" } } } },
        },
      },
      api.url,
      { method: "post" },
    );
    expect(tool.inputSchema["properties"]).toMatchObject({
      file: { description: expect.stringContaining("workspace") },
    });
    const files = new Map([["out/a.png", Buffer.from("PNG")]]);
    await tool.execute(
      { title: "T", meta: { a: 1 }, file: "out/a.png", more: ["x", "y"] },
      contextWith({}, files),
    );
    const body = api.seen[0]?.body.replaceAll(/--holdfast-[0-9a-f]+/g, "--B").replaceAll("\r\n", "\n");
    expect(body).toBe(
      '--B\nContent-Disposition: form-data; name="title"\n\nT\n' +
        '--B\nContent-Disposition: form-data; name="meta"\nContent-Type: application/json\n\n{"a":1}\n' +
        '--B\nContent-Disposition: form-data; name="file"; filename="a.png"\nContent-Type: image/png\n\nPNG\n' +
        '--B\nContent-Disposition: form-data; name="more"\n\nx\n' +
        '--B\nContent-Disposition: form-data; name="more"\n\ny\n--B--\n',
    );
    expect(await failureOf(tool.execute({ file: "none" }, contextWith()))).toMatchObject({ executed: false });
  });

  test("a form of parts that is declared as a text is not sent as nothing", async () => {
    const api = await startApi();
    const body = { required: true, content: { "multipart/form-data": { schema: text } } };
    const tool = await one({ requestBody: body }, api.url, { method: "post" });
    expect(await failureOf(tool.execute({ body: "x" }, contextWith()))).toMatchObject({ executed: false });
    expect(api.seen).toEqual([]);
  });

  test("XML is written by the schema's names, attributes and lists", async () => {
    const api = await startApi();
    const schema = {
      type: "object",
      xml: { name: "pet", namespace: "urn:p" },
      properties: {
        id: { type: "integer", xml: { attribute: true } },
        name: text,
        tags: { type: "array", xml: { wrapped: true }, items: { type: "string", xml: { name: "tag" } } },
      },
    };
    const tool = await one(
      { requestBody: { required: true, content: { "text/xml": { schema } } } },
      api.url,
      { method: "put" },
    );
    await tool.execute({ id: 1, name: "<Rex>", tags: ["a", "b"] }, contextWith());
    expect(api.seen[0]?.body).toBe(
      '<pet xmlns="urn:p" id="1"><name>&lt;Rex&gt;</name><tags><tag>a</tag><tag>b</tag></tags></pet>',
    );
  });

  test("E2 the key of the call goes where the API takes one, and the model gives none", async () => {
    const api = await startApi();
    const declared = await one(
      { parameters: [{ name: "Idempotency-Key", in: "header", required: true, schema: text }] },
      api.url,
      { method: "post" },
    );
    expect(declared.inputSchema["properties"]).toEqual({});
    await declared.execute({}, contextWith());
    const told = await one({}, api.url, { method: "post", options: { idempotencyHeader: "X-Request-Id" } });
    await told.execute({}, contextWith());
    expect(api.seen.map(({ headers }) => headers["idempotency-key"] ?? headers["x-request-id"])).toEqual([
      "key-1",
      "key-1",
    ]);
  });

  test.each<[string, JsonValue]>([
    ["..", ".."],
    [".", "."],
    ["nothing", ""],
  ])("a part of the path that is %s is not sent", async (_, id) => {
    const api = await startApi();
    const tool = await one({ parameters: [] }, api.url, { method: "delete", path: "/users/{id}" });
    expect(await failureOf(tool.execute({ id }, contextWith()))).toMatchObject({
      executed: false,
      retryable: false,
    });
    await tool.execute({ id: "../%2e%2e/x?y#z" }, contextWith());
    expect(api.seen.map(({ url }) => url)).toEqual(["/users/..%2F%252e%252e%2Fx%3Fy%23z"]);
  });

  test("a GET with a body and a TRACE are sent as they are, and fail like the others", async () => {
    const api = await startApi((_, response) => json(response, { ok: true }));
    const schema = { type: "object", properties: { query: text } };
    const search = { requestBody: { required: true, content: { "application/json": { schema } } } };
    const get = await one(search, api.url);
    expect(await get.execute({ query: "x" }, contextWith())).toEqual({ ok: true });
    expect(await (await one({}, api.url, { method: "trace" })).execute({}, contextWith())).toEqual({
      ok: true,
    });
    expect(api.seen).toMatchObject([
      {
        method: "GET",
        body: '{"query":"x"}',
        headers: { "content-length": "13", "content-type": "application/json" },
      },
      { method: "TRACE", body: "" },
    ]);
    const away = await one(search, "http://127.0.0.1:1");
    expect(await failureOf(away.execute({ query: "x" }, contextWith()))).toMatchObject({ executed: false });
  });

  test("a header that would be two is not sent", async () => {
    const api = await startApi();
    const tool = await one({ parameters: [{ name: "x-a", in: "header", schema: text }] }, api.url);
    expect(await failureOf(tool.execute({ "x-a": "1\r\nx-b: 2" }, contextWith()))).toMatchObject({
      executed: false,
    });
    expect(api.seen).toEqual([]);
  });

  test("E2 says that nothing was sent where a header does not fit the request", async () => {
    const api = await startApi();
    const length = { name: "Content-Length", in: "header", schema: { type: "integer" } };
    const tool = await one({ parameters: [length] }, api.url);
    const failed = await failureOf(tool.execute({ "Content-Length": -4 }, contextWith()));
    expect(failed).toMatchObject({ executed: false, retryable: false });
    expect(failed).toMatchObject({ message: expect.stringContaining("was not sent") });
  });
});

describe("what comes back", () => {
  const answering = async (status: number, headers: Record<string, string>, body: string | Buffer = "") => {
    const api = await startApi((_, response) => void response.writeHead(status, headers).end(body));
    return one({}, api.url, { method: "post", options: { maxResponseBytes: 1_000 } });
  };

  test("JSON, text, nothing, and bytes in the workspace", async () => {
    const get = async (
      headers: Record<string, string>,
      body: string | Buffer,
      files = new Map<string, Uint8Array>(),
    ) => (await answering(200, headers, body)).execute({}, contextWith({}, files));
    expect(await get({ "content-type": "application/problem+json; charset=utf-8" }, '{"a":1}')).toEqual({
      a: 1,
    });
    expect(await get({ "content-type": "application/json" }, "not json")).toBe("not json");
    expect(await get({ "content-type": "text/html; charset=iso-8859-1" }, Buffer.from([0xe9]))).toBe("é");
    expect(await get({ location: "/things/7" }, "")).toEqual({ status: 200, location: "/things/7" });
    const files = new Map<string, Uint8Array>();
    expect(await get({ "content-type": "image/png" }, Buffer.from([1, 2, 255]), files)).toEqual({
      status: 200,
      contentType: "image/png",
      file: "api-answers/call_1_0.png",
      bytes: 3,
    });
    expect([...(files.get("api-answers/call_1_0.png") ?? [])]).toEqual([1, 2, 255]);
  });

  test("an answer that is too long is cut, says so, and is in the workspace as far as it was read", async () => {
    const files = new Map<string, Uint8Array>();
    const tool = await answering(200, { "content-type": "application/json" }, `"${"x".repeat(5_000_000)}"`);
    expect(await tool.execute({}, contextWith({}, files))).toMatchObject({
      file: "api-answers/call_1_0.json",
      bytes: 1_000,
      note: expect.stringContaining("1000 bytes"),
    });
    expect(files.get("api-answers/call_1_0.json")?.length).toBe(1_000);
  });

  test.each<[number, Record<string, string>, string, JsonObject]>([
    [
      400,
      { "content-type": "application/problem+json" },
      '{"title":"Bad","detail":"no name"}',
      { executed: false, retryable: false },
    ],
    [404, {}, "gone", { executed: false, retryable: false }],
    [429, { "retry-after": "7" }, "", { executed: false, retryable: true, retryAfterMs: 7_000 }],
    [503, { "retry-after": "2" }, "", { retryable: true, retryAfterMs: 2_000 }],
    [
      503,
      { date: "Sun, 29 Nov 2026 10:00:00 GMT", "retry-after": "Sun, 29 Nov 2026 10:00:05 GMT" },
      "",
      { retryable: true, retryAfterMs: 5_000 },
    ],
    [500, {}, "", { retryable: true }],
    [501, {}, "", { executed: false, retryable: false }],
    [408, {}, "", { retryable: true }],
    [302, { location: "https://elsewhere.test/x" }, "", { retryable: false }],
    [308, { location: "/b" }, "", { executed: false, retryable: false }],
  ])("E2 an answer of %i says what it means for the call", async (...[status, headers, body, expected]) => {
    const tool = await answering(status, headers, body);
    const failure = await failureOf(tool.execute({}, contextWith()));
    expect(failure).toMatchObject({ code: "TOOL_FAILED", ...expected });
    expect(failure.executed).toBe(expected["executed"]);
    if (status === 400) expect(failure.message).toBe("POST /a answered 400: Bad: no name");
    if (status === 302) expect(failure.message).toContain("https://elsewhere.test/x");
  });

  test("E2 a connection that was never made did nothing; one that broke leaves it open", async () => {
    const nobody = createServer().listen(0, "127.0.0.1");
    await once(nobody, "listening");
    const { port } = nobody.address() as AddressInfo;
    await new Promise((resolve) => void nobody.close(resolve));
    const away = await one({}, `http://127.0.0.1:${port}`, { method: "post" });
    expect(await failureOf(away.execute({}, contextWith()))).toMatchObject({
      executed: false,
      retryable: true,
    });
    const breaking = createServer((socket) => socket.once("data", () => void socket.destroy()));
    onTestFinished(() => void breaking.close());
    await once(breaking.listen(0, "127.0.0.1"), "listening");
    const cut = await one({}, `http://127.0.0.1:${(breaking.address() as AddressInfo).port}`, {
      method: "post",
    });
    const failure = await failureOf(cut.execute({}, contextWith()));
    expect(failure).toMatchObject({ retryable: true });
    expect(failure.executed).toBeUndefined();
  });

  test("E2 what goes wrong with an answer does not say that the request was not made", async () => {
    const api = await startApi((_, response) =>
      response.writeHead(201, { "content-type": "application/pdf" }).end(Buffer.from([0, 1, 2])),
    );
    const tool = await one({}, api.url, { method: "post" });
    const { workspace } = contextWith();
    const write = () => Promise.reject(new ToolError("That is a link.", { executed: false }));
    const failure = await failureOf(tool.execute({}, contextWith({ workspace: { ...workspace, write } })));
    expect(api.seen).toHaveLength(1);
    expect(failure).toMatchObject({
      executed: undefined,
      message: expect.stringContaining("That is a link."),
    });
  });

  test("E6 an answer that does not come ends with the call's signal", async () => {
    const stop = new AbortController();
    const api = await startApi(() => stop.abort());
    const tool = await one({}, api.url, { method: "post" });
    const failure = await failureOf(tool.execute({}, contextWith({ signal: stop.signal })));
    expect(failure.executed).toBeUndefined();
    expect(await failureOf(tool.execute({}, contextWith({ signal: stop.signal })))).toMatchObject({
      executed: false,
    });
  });
});

describe("who asks", () => {
  const schemes = {
    key: { type: "apiKey", in: "query", name: "api_key" },
    head: { type: "apiKey", in: "header", name: "X-Key" },
    cook: { type: "apiKey", in: "cookie", name: "k" },
    basic: { type: "http", scheme: "basic" },
    bearer: { type: "http", scheme: "bearer" },
    oauth: { type: "oauth2", flows: { clientCredentials: { tokenUrl: "/token", scopes: {} } } },
  };
  const document = { components: { securitySchemes: schemes } };

  test("S1 each call is made with the credentials of its own session, which nobody reads (O2)", async () => {
    const api = await startApi((request, response) =>
      json(response, { echo: request.headers, url: request.url }, 400),
    );
    const options: OpenApiOptions = {
      auth: {
        key: ({ secret }) => secret("key"),
        head: ({ session }) => `head-${session.user}`,
        cook: () => "cookie-1",
        basic: () => ({ username: "u", password: "pass-word" }),
      },
    };
    const tool = await one(
      { security: [{ bearer: [] }, { key: [], head: [], cook: [], basic: [] }] },
      api.url,
      {
        document,
        options,
      },
    );
    const asUser = (user: string): ToolContext =>
      contextWith({ session: { id: "s", tenant: null, user, attributes: {} } });
    const failure = await failureOf(tool.execute({}, asUser("ann")));
    await failureOf(tool.execute({}, asUser("bob")));
    expect(
      api.seen.map(({ url, headers }) => [url, headers["x-key"], headers.cookie, headers.authorization]),
    ).toEqual([
      [
        "/a?api_key=secret-key",
        "head-ann",
        "k=cookie-1",
        `Basic ${Buffer.from("u:pass-word").toString("base64")}`,
      ],
      [
        "/a?api_key=secret-key",
        "head-bob",
        "k=cookie-1",
        `Basic ${Buffer.from("u:pass-word").toString("base64")}`,
      ],
    ]);
    expect(failure.message).not.toMatch(/secret-key|head-ann|cookie-1|pass-word|dTpwYXNz/);
  });

  test("a credential that an API echoes is not in the output", async () => {
    const api = await startApi((request, response) => json(response, { got: request.headers.authorization }));
    const tool = await one({ security: [{ bearer: [] }] }, api.url, {
      document,
      options: { auth: { bearer: () => "tok-123" } },
    });
    expect(await tool.execute({}, contextWith())).toEqual({ got: "Bearer [credential]" });
  });

  test("a parameter that a credential or a header of the options supplies is not asked for", async () => {
    const api = await startApi();
    const operation = {
      security: [{ bearer: [] }],
      parameters: ["Authorization", "X-Version"].map((name) => ({
        name,
        in: "header",
        required: true,
        schema: text,
      })),
    };
    const supplied = await one(operation, api.url, {
      document,
      options: { auth: { bearer: () => "t0ken" }, headers: { "x-version": "2" } },
    });
    expect(supplied.inputSchema).toMatchObject({ properties: {} });
    await supplied.execute({}, contextWith());
    expect(api.seen[0]?.headers).toMatchObject({ authorization: "Bearer t0ken", "x-version": "2" });
    const bare = await one(operation, api.url, { document });
    expect(bare.inputSchema).toMatchObject({ required: ["Authorization", "X-Version"] });
  });

  test("a resolver that throws is a failure without its words", async () => {
    const api = await startApi();
    const auth = {
      bearer: () => {
        throw new TypeError("vault said hunter2");
      },
    };
    const tool = await one({ security: [{ bearer: [] }] }, api.url, { document, options: { auth } });
    const failure = await failureOf(tool.execute({}, contextWith()));
    expect(failure).toMatchObject({ executed: false, retryable: false });
    expect(JSON.stringify(failure)).not.toContain("hunter2");
    expect(api.seen).toEqual([]);
  });

  test("a header whose value is not to be had says where to look, and nothing of what was thrown", async () => {
    const api = await startApi();
    const headers = {
      "X-Key": () => {
        throw new TypeError("vault said hunter2");
      },
    };
    const tool = await one({}, api.url, { options: { headers } });
    const failure = await failureOf(tool.execute({}, contextWith()));
    expect(failure).toMatchObject({
      executed: false,
      retryable: false,
      hint: expect.stringMatching(/"headers" .* X-Key/),
    });
    expect(JSON.stringify(failure)).not.toContain("hunter2");
    expect(api.seen).toEqual([]);
  });

  test("OAuth2: a token is kept for its tenant and user, renewed before its end, and once when it is refused", async () => {
    let given = 0;
    let valid = "";
    const api = await startApi((request, response) => {
      if (request.url === "/token") {
        given += 1;
        valid = `token-${given}`;
        return json(response, { access_token: valid, expires_in: 100 });
      }
      return request.headers.authorization === `Bearer ${valid}`
        ? json(response, { ok: given })
        : json(response, {}, 401);
    });
    let now = 0;
    const tool = await one({ security: [{ oauth: ["read"] }] }, api.url, {
      document,
      options: {
        now: () => now,
        auth: { oauth: () => ({ clientId: "c", clientSecret: "s3cret", tokenUrl: `${api.url}/token` }) },
      },
    });
    const call = (user: string) =>
      tool.execute({}, contextWith({ session: { id: "s", tenant: "t", user, attributes: {} } }));
    expect(await call("ann")).toEqual({ ok: 1 });
    expect(await call("ann")).toEqual({ ok: 1 });
    now = 80_000;
    expect(await call("ann")).toEqual({ ok: 2 });
    valid = "revoked";
    expect(await call("ann")).toEqual({ ok: 3 });
    expect(await call("bob")).toEqual({ ok: 4 });
    const [first] = api.seen;
    expect(first).toMatchObject({
      url: "/token",
      body: "grant_type=client_credentials&scope=read",
      headers: { authorization: `Basic ${Buffer.from("c:s3cret").toString("base64")}` },
    });
  });

  test("OAuth2: a client that is refused is told so, without its secret", async () => {
    const api = await startApi((_, response) =>
      json(response, { error: "invalid_client", error_description: "s3cret" }, 401),
    );
    const tool = await one({ security: [{ oauth: [] }] }, api.url, {
      document,
      options: {
        auth: { oauth: () => ({ clientId: "c", clientSecret: "s3cret", tokenUrl: `${api.url}/token` }) },
      },
    });
    const failure = await failureOf(tool.execute({}, contextWith()));
    expect(failure).toMatchObject({
      executed: false,
      retryable: false,
      message: expect.stringContaining("invalid_client"),
    });
    expect(JSON.stringify(failure)).not.toContain("s3cret");
  });
});
