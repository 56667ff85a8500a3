import { createServer } from "node:net";
import { once } from "node:events";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { RequestListener, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { isHoldfastError, toldByError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import type { FetchInput, FetchOptions } from "./fetch-settings.ts";
import { createTestRuntime } from "../../testing/index.ts";
import { agentOf, recordingModel } from "../../testing/scenario.fixture.ts";
import { fetchTool, type FetchedPage } from "./fetch-tool.ts";
import { contextOf, startServer } from "../../definitions/servers.fixture.ts";

/** A server that may be reached, and a tool that may reach it. */
const serving = async (answer: RequestListener) => {
  const server = await startServer(answer, "127.0.0.2");
  onTestFinished(server.stop);
  const allow = [`127.0.0.2:${server.port}`];
  const url = `http://127.0.0.2:${server.port}/`;
  const fetchIt = async (input: Partial<FetchInput> = {}, options: FetchOptions = {}, more = {}) =>
    (await fetchTool({ allow, ...options }).execute({ url, ...input }, contextOf(more))) as FetchedPage;
  const failureOf = async (...given: Parameters<typeof fetchIt>) => {
    const thrown: unknown = await fetchIt(...given).then(
      () => null,
      (error: unknown) => error,
    );
    if (!isHoldfastError(thrown)) throw thrown;
    return { ...thrown.failure, ...toldByError(thrown) };
  };
  return { server, url, fetchIt, failureOf };
};

const send = (response: ServerResponse, type: string | Sent, body: string | Uint8Array): void => {
  const { is, ...more } = typeof type === "string" ? { is: type } : type;
  response.writeHead(200, { "content-type": is, ...more }).end(body);
};

/** A type, with the headers that go with it. */
type Sent = { readonly is: string; readonly [header: string]: string };

describe("a page", () => {
  it("is given as text, with its title, type, status and the URL it came from in the end", async () => {
    const { fetchIt, url } = await serving((request, response) => {
      if (request.url === "/") response.writeHead(302, { location: "/page?a=1" }).end();
      else
        send(
          response,
          "text/html; charset=utf-8",
          "<title> A  page </title><h1>Hello</h1><p>to <a href='/x'>you</a></p>",
        );
    });
    expect(await fetchIt({ url: `${url}#part` })).toMatchObject({
      url: `${url}page?a=1`,
      status: 200,
      contentType: "text/html",
      title: "A page",
      text: `# Hello\n\nto [you](${url}x)`,
      next: null,
    });
  });

  it("is asked for without cookies, credentials, referer or a body, under the name that was given", async () => {
    const seen: unknown[] = [];
    const { fetchIt, url } = await serving((request, response) => {
      seen.push(request.headers);
      if (seen.length === 1) response.writeHead(302, { location: "/", "set-cookie": "a=b" }).end();
      else send(response, "text/plain", "ok");
    });
    await fetchIt({}, { userAgent: "checker/1" });
    expect(seen).toHaveLength(2);
    for (const headers of seen) {
      expect(headers).toMatchObject({ "user-agent": "checker/1", host: new URL(url).host });
      for (const name of ["cookie", "authorization", "referer", "content-length"])
        expect(headers).not.toHaveProperty(name);
    }
  });

  it("is shown to the model with what there is to know of it", async () => {
    const { fetchIt } = await serving((_request, response) =>
      send(response, { is: "text/plain", "content-length": "30" }, "0123456789".repeat(3)),
    );
    const tool = fetchTool();
    const page = await fetchIt({}, { maxChars: 25 });
    const { value } = await tool.toOutput(page);
    expect(value).toBe(
      `URL: ${page.url}\nStatus: 200\nType: text/plain\nLength: 30 bytes as sent\n\n0123456789012345678901234\n\n` +
        "[Cut at 25 of 30 characters. Fetch again with start 25 for what follows.]",
    );
    expect(await fetchIt({ start: 25 }, { maxChars: 25 })).toMatchObject({
      text: "56789",
      next: null,
      chars: 30,
    });
    expect(await fetchIt({ start: 99 }, { maxChars: 25 })).toMatchObject({ text: "", next: null, chars: 30 });
  });

  it.each([1, 2, 3, 4, 5])("is never cut within a character, in parts of %i", async (maxChars) => {
    const whole = "a😀b😀😀cd😀";
    const { fetchIt } = await serving((_request, response) => send(response, "text/plain", whole));
    const parts: string[] = [];
    for (let start: number | null = 0; start !== null;) {
      const page: FetchedPage = await fetchIt({ start }, { maxChars });
      parts.push(page.text);
      start = page.next;
    }
    expect(parts.join("")).toBe(whole);
    for (const part of parts) expect(part).not.toContain("\ufffd");
  });

  it("is only asked about with HEAD", async () => {
    const methods: unknown[] = [];
    const { fetchIt } = await serving((request, response) => {
      methods.push(request.method);
      response.writeHead(200, { "content-type": "application/pdf", "content-length": "123456789" }).end();
    });
    expect(await fetchIt({ method: "HEAD" })).toMatchObject({ text: "", contentLength: "123456789" });
    expect(methods).toEqual(["HEAD"]);
  });

  it.each([
    ["in the header", "text/html; charset=iso-8859-1", Buffer.from("<p>caf\u00e9", "latin1"), "café"],
    ["in the page", "text/html", Buffer.from('<meta charset="windows-1252"><p>\x80', "latin1"), "€"],
    [
      "in the page, the old way",
      "text/html",
      Buffer.from("<meta http-equiv=x content='text/html; charset=koi8-r'><p>\xc0", "latin1"),
      "ю",
    ],
    [
      "by a mark, whatever else is said",
      "text/plain; charset=latin1",
      Buffer.from("\ufeffcafé", "utf8"),
      "café",
    ],
    ["by a mark of two bytes", "text/plain", Buffer.from("\ufeffcafé", "utf16le"), "café"],
    [
      "in XML",
      "application/xml",
      Buffer.from("<?xml version='1.0' encoding='iso-8859-15'?><a>\xa4</a>", "latin1"),
      "€",
    ],
    ["in Japanese", "text/plain; charset=shift_jis", Buffer.from([0x93, 0xfa, 0x96, 0x7b]), "日本"],
    ["nowhere", "text/plain", Buffer.from("café", "utf8"), "café"],
    ["by a name nobody knows", "text/plain; charset=klingon", Buffer.from("café", "utf8"), "café"],
    ["wrongly as UTF-16", "text/html", Buffer.from('<meta charset="utf-16le"><p>café', "utf8"), "café"],
    ["rightly, and badly kept", "text/plain; charset=utf-8", Buffer.from([0x61, 0xff, 0x62]), "a\ufffdb"],
  ])("is read in the encoding said %s", async (...[, type, body, expected]) => {
    const { fetchIt } = await serving((_request, response) => send(response, type, body));
    expect((await fetchIt()).text).toContain(expected);
  });

  it.each([
    ["gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
    ["zstd", zstdCompressSync],
  ])("is unpacked from %s", async (encoding, pack) => {
    const { fetchIt } = await serving((_request, response) =>
      send(response, { is: "text/plain", "content-encoding": encoding }, pack("some text")),
    );
    expect((await fetchIt()).text).toBe("some text");
  });

  it.each([
    "application/json",
    "application/problem+json",
    "application/atom+xml",
    "text/csv",
    "text/markdown",
    "image/svg+xml",
  ])("of type %s is given as it is", async (type) => {
    const { fetchIt } = await serving((_request, response) => send(response, type, '{"a": "<b>"}'));
    expect(await fetchIt()).toMatchObject({ contentType: type, text: '{"a": "<b>"}', title: null });
  });
});

describe("a body", () => {
  it.each(["application/pdf", "image/png", "application/octet-stream", "", "application/zip; charset=utf-8"])(
    "of type '%s' is refused, and not read",
    async (type) => {
      const { failureOf } = await serving((_request, response) => send(response, type, Buffer.alloc(1000)));
      expect(await failureOf()).toMatchObject({ retryable: false, details: { reason: "content-type" } });
    },
  );

  it("of another type is saved to the workspace when that is asked for, under the same name at every attempt", async () => {
    const files = new Map<string, unknown>();
    const write = async (name: string, bytes: unknown) => String(files.set(name, bytes) && name);
    const workspace = { ...contextOf().workspace, write };
    const { fetchIt, url } = await serving((_request, response) =>
      send(response, "image/png", Buffer.from([1, 2, 0, 3])),
    );
    const page = await fetchIt(
      { url: `${url}../..%2f..%2fetc/pa%20ss.png` },
      { otherTypes: "save" },
      { workspace },
    );
    await fetchIt({ url: `${url}pa%20ss.png` }, { otherTypes: "save" }, { workspace });
    expect([...files.keys()]).toEqual([page.file]);
    expect(page.file).toMatch(/^downloads\/[0-9a-f]{12}-pa_20ss\.png$/);
    expect([...files.values()]).toEqual([Buffer.from([1, 2, 0, 3])]);
    expect(fetchTool({ otherTypes: "save" }).policy.effect).toBe("idempotent");
    expect(fetchTool().policy.effect).toBe("read");
  });

  it.each([
    ["says how long it is", { "content-length": "2000001" }, 2_000_001],
    ["does not say", {}, 2_000_001],
  ])("that is too long and %s is stopped", async (_what, headers, bytes) => {
    const { failureOf } = await serving((_request, response) =>
      send(response, { is: "text/plain", ...headers }, Buffer.alloc(bytes, 97)),
    );
    expect(await failureOf({}, { maxBytes: 2_000_000 })).toMatchObject({
      retryable: false,
      details: { reason: "too-long" },
    });
  });

  it("that unpacks to gigabytes is stopped at the limit", async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    const { failureOf } = await serving((_request, response) =>
      send(response, { is: "text/plain", "content-encoding": "gzip" }, bomb),
    );
    const before = process.memoryUsage().arrayBuffers;
    expect(await failureOf({}, { maxBytes: 100_000 })).toMatchObject({ details: { reason: "too-long" } });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
  });

  it("that never ends and unpacks to nothing is stopped too", async () => {
    const nothing = gzipSync("");
    const many = Buffer.concat(Array.from({ length: 5_000 }, () => nothing));
    const { failureOf } = await serving((_request, response) =>
      send(response, { is: "text/plain", "content-encoding": "gzip" }, many),
    );
    expect(await failureOf({}, { maxBytes: 10_000 })).toMatchObject({ details: { reason: "too-long" } });
  });

  it.each([
    ["packed in what nobody knows", "snappy"],
    ["packed twice", "gzip, gzip"],
  ])("%s is refused", async (_what, encoding) => {
    const { failureOf } = await serving((_request, response) =>
      send(response, { is: "text/plain", "content-encoding": encoding }, "x"),
    );
    expect(await failureOf()).toMatchObject({ retryable: false, details: { reason: "encoding" } });
  });

  it("that is not what its encoding says fails as a fetch that did not come about", async () => {
    const { failureOf } = await serving((_request, response) =>
      send(response, { is: "text/plain", "content-encoding": "gzip" }, "x"),
    );
    expect(await failureOf()).toMatchObject({ code: "TOOL_FAILED", details: { reason: "network" } });
  });
});

describe("an answer that says no", () => {
  it.each([
    [400, false],
    [401, false],
    [404, false],
    [410, false],
    [408, true],
    [429, true],
    [500, true],
    [502, true],
    [503, true],
    [501, false],
  ])("with status %i fails; to try again helps: %s", async (status, retryable) => {
    const { failureOf } = await serving((_request, response) =>
      response
        .writeHead(status, { "content-type": "text/html" })
        .end("<style>x{}</style><h1>Sorry</h1> \n not here"),
    );
    const failure = await failureOf();
    expect(failure).toMatchObject({ code: "TOOL_FAILED", retryable, details: { reason: "status", status } });
    expect(failure.message).toMatch(/ answered with status \d+: Sorry not here$/);
  });

  it.each([
    ["seconds", { "retry-after": "7" }, 7_000],
    [
      "a date",
      { date: "Sun, 29 Nov 2026 10:00:00 GMT", "retry-after": "Sun, 29 Nov 2026 10:00:05 GMT" },
      5_000,
    ],
    [
      "a date that is over",
      { date: "Sun, 29 Nov 2026 10:00:00 GMT", "retry-after": "Sat, 28 Nov 2026 10:00:05 GMT" },
      0,
    ],
    ["nonsense", { "retry-after": "soon" }, undefined],
    ["a negative number", { "retry-after": "-5" }, undefined],
    ["nothing", {}, undefined],
  ])("E7 says when to ask again: %s", async (_how, headers, retryAfterMs) => {
    for (const status of [429, 503]) {
      const { failureOf } = await serving((_request, response) => response.writeHead(status, headers).end());
      expect((await failureOf()).retryAfterMs).toBe(retryAfterMs);
    }
  });

  it("with a body without end is cut off", async () => {
    const { failureOf } = await serving((_request, response) => {
      response.writeHead(500, { "content-type": "text/plain" });
      const more = (): void =>
        void response.write(Buffer.alloc(50_000, 98), () => !response.destroyed && more());
      more();
    });
    expect(await failureOf()).toMatchObject({ details: { reason: "status", status: 500 } });
  });
});

describe("a server that behaves badly", () => {
  it.each([
    ["closes at once", ""],
    ["speaks no HTTP", "SSH-2.0-OpenSSH_9.9\r\n"],
    ["stops in the headers", "HTTP/1.1 200 OK\r\ncontent-ty"],
    ["stops in the body", "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\nabc"],
    [
      "says its length twice",
      "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\ncontent-length: 5\r\n\r\nabcde",
    ],
    ["sends a header without end", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(200_000)}\r\n\r\n`],
  ])("and %s makes the fetch fail, worth another try", async (_what, bytes) => {
    const server = createServer((socket) => socket.on("error", () => {}).end(bytes));
    await once(server.listen(0, "127.0.0.2"), "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const tool = fetchTool({ allow: [`127.0.0.2:${port}`] });
    await expect(tool.execute({ url: `http://127.0.0.2:${port}/` }, contextOf())).rejects.toMatchObject({
      code: "TOOL_FAILED",
      failure: { retryable: true, details: { reason: "network" } },
    });
  });

  it("E6 and says nothing is left when the call is cancelled, its connection closed", async () => {
    const closed = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    const { fetchIt } = await serving((request) => {
      request.on("close", closed.resolve);
      arrived.resolve();
    });
    const stop = new AbortController();
    const fetching = fetchIt({}, {}, { signal: stop.signal });
    await arrived.promise;
    stop.abort(new DOMException("enough", "AbortError"));
    await expect(fetching).rejects.toThrow("enough");
    await closed.promise;
  });

  it("E6 and a name server that does not answer is left as well", async () => {
    const stop = new AbortController();
    const lookup = (): Promise<never> => {
      stop.abort(new DOMException("enough", "AbortError"));
      return new Promise(() => {});
    };
    const tool = fetchTool({ lookup });
    const fetching = tool.execute({ url: "http://example.com/" }, contextOf({ signal: stop.signal }));
    await expect(fetching).rejects.toThrow("enough");
  });

  it("E5 is not connected to by an answer of a name server that comes after the cancel", async () => {
    const { server } = await serving((_request, response) => response.end("late"));
    let connections = 0;
    const listening = createServer(() => (connections += 1)).listen(0, "127.0.0.4");
    await once(listening, "listening");
    onTestFinished(() => void listening.close());
    const { port } = listening.address() as AddressInfo;
    const stop = new AbortController();
    const answer = Promise.withResolvers<readonly string[]>();
    const tool = fetchTool({ lookup: () => answer.promise, allow: [`a.test:${port}`] });
    const fetching = tool.execute({ url: `http://a.test:${port}/` }, contextOf({ signal: stop.signal }));
    stop.abort(new DOMException("enough", "AbortError"));
    await expect(fetching).rejects.toThrow("enough");
    answer.resolve(["127.0.0.4"]);
    // A whole fetch of something else takes longer than a connection would.
    await fetchTool({ allow: [`127.0.0.2:${server.port}`] }).execute(
      { url: `http://127.0.0.2:${server.port}/`, method: "HEAD" },
      contextOf(),
    );
    expect(connections).toBe(0);
  });

  it("is not there: the failure names no address", async () => {
    const server = await startServer(() => {}, "127.0.0.2");
    await server.stop();
    const tool = fetchTool({ allow: [`a.test:${server.port}`], lookup: async () => ["127.0.0.2"] });
    const thrown: unknown = await tool
      .execute({ url: `http://a.test:${server.port}/` }, contextOf())
      .catch((error: unknown) => error);
    expect(thrown).toMatchObject({
      code: "TOOL_FAILED",
      failure: { retryable: true, details: { code: "ECONNREFUSED" } },
    });
    expect(JSON.stringify(isHoldfastError(thrown) && thrown.failure)).not.toContain("127.0.0.2");
  });
});

describe("a fetch that needs approval", () => {
  it("E4 connects to nothing before somebody says yes", async () => {
    const { server, url } = await serving((_request, response) => send(response, "text/plain", "hello"));
    const tool = fetchTool({
      allow: [`127.0.0.2:${server.port}`],
      needsApproval: ({ url: wanted }) => wanted.endsWith("/private") && { reason: "It is private." },
    });
    const calls = ["public", "private"].map((path) => ({
      name: "fetch_url",
      input: { url: `${url}${path}` },
    }));
    const model = recordingModel(({ toolResults }) =>
      toolResults.length > 0 ? { text: JSON.stringify(toolResults) } : { toolCalls: calls },
    );
    const agent = agentOf({ model, tools: [tool] });
    const test = await createTestRuntime({ agents: [agent] });
    onTestFinished(() => test.close());
    const session = await test.runtime.createSession(agent);
    const run = await session.send("go");
    await run.outcome();
    expect(server.hits).toHaveLength(1);
    const [asked] = await session.pending();
    if (asked?.kind !== "approval") throw new TypeError("nobody was asked");
    expect(asked).toMatchObject({ tool: "fetch_url", reason: "It is private." });
    await session.decide(asked.approvalId, { verdict: "approve" });
    expect(await run.outcome({ until: "settled" })).toMatchObject({ status: "completed" });
    expect(server.hits).toHaveLength(2);
  });
});

describe("the lists of a fetch tool", () => {
  const reasonOf = async (url: string, options: FetchOptions) => {
    const tool = fetchTool({ lookup: async () => ["127.0.0.3"], ...options });
    const thrown: unknown = await tool.execute({ url }, contextOf()).catch((error: unknown) => error);
    return isHoldfastError(thrown) ? thrown.failure.details?.["reason"] : "fetched";
  };

  it.each<[string, string, FetchOptions, string]>([
    ["a port that is not usual is refused", "http://example.com:8080/", {}, "port"],
    [
      "a port of an entry is not for others",
      "http://example.com:8080/",
      { allow: ["a.test:8080"], lookup: async () => ["8.8.8.8"] },
      "port",
    ],
    ["a name is allowed wherever it leads", "http://a.test:1/", { allow: ["a.test:1"] }, "network"],
    ["a name is allowed for its port alone", "http://a.test/", { allow: ["a.test:1"] }, "address"],
    ["a name with a dot at its end is the same", "http://a.test.:1/", { allow: ["a.test:1"] }, "network"],
    ["names below one are allowed with a star", "http://b.a.test:1/", { allow: ["*.a.test:1"] }, "network"],
    ["and that one itself is not", "http://a.test:1/", { allow: ["*.a.test:1"] }, "address"],
    ["nor one that ends the same", "http://ba.test:1/", { allow: ["*.a.test:1"] }, "address"],
    ["a range is allowed", "http://a.test:1/", { allow: ["127.0.0.0/8"], ports: [1] }, "network"],
    ["a range with a port is allowed", "http://a.test:1/", { allow: ["127.0.0.3:1"] }, "network"],
    [
      "an allowed name does not lead to metadata",
      "http://a.test:1/",
      { allow: ["a.test:1"], lookup: async () => ["169.254.169.254"] },
      "address",
    ],
    [
      "nor does a range that is not said",
      "http://[::ffff:127.0.0.3]:1/",
      { allow: ["127.0.0.0/8"], ports: [1] },
      "address",
    ],
    [
      "what is denied by name is refused",
      "http://b.a.test/",
      { deny: ["*.a.test"], allow: ["127.0.0.0/8"] },
      "host",
    ],
    [
      "what is denied by address is refused",
      "http://a.test/",
      { deny: ["127.0.0.3"], allow: ["127.0.0.0/8"] },
      "address",
    ],
    ["only what is listed is fetched", "http://b.test/", { allowHosts: ["a.test"] }, "host"],
    [
      "an address is not on a list of names",
      "http://127.0.0.3/",
      { allowHosts: ["a.test"], allow: ["127.0.0.0/8"] },
      "host",
    ],
    ["what is listed is judged as ever", "http://a.test/", { allowHosts: ["a.test"] }, "address"],
    ["a list of nothing allows nothing", "http://8.8.8.8/", { allowHosts: [] }, "host"],
  ])("%s", async (...[, url, options, reason]) => {
    expect(await reasonOf(url, options)).toBe(reason);
  });

  it.each([
    "127.1",
    "0x7f.0.0.1",
    "10.0.0.1/8",
    "10.0.0.0/33",
    "http://a.test",
    "a.test/",
    "a.test:0",
    "a.test:70000",
    "a.test:08",
    "*",
    "*.*.a",
    "[a.test]:80",
    "",
    "a b",
    "::1:80:",
    2130706433,
  ])("refuse an entry that is no host: %s", (entry) => {
    for (const name of ["allow", "deny", "allowHosts"])
      expect(() => fetchTool({ [name]: [entry] })).toThrowError(
        expect.objectContaining({ code: "OPTION_INVALID" }),
      );
  });

  it("refuse options that do not exist or are not usable", () => {
    const bad: readonly object[] = [
      { alow: [] },
      { maxBytes: 0 },
      { maxChars: -1 },
      { maxRedirects: 1.5 },
      { ports: [0] },
      { otherTypes: "keep" },
      { userAgent: "a\r\nb: c" },
      { timeoutMs: 0 },
    ];
    for (const options of bad)
      expect(() => fetchTool(options)).toThrowError(expect.objectContaining({ code: "OPTION_INVALID" }));
  });

  it("let the model give nothing but a URL, a method that reads, and a start", async () => {
    const tool = fetchTool();
    expect(await tool.parseInput({ url: "http://a/", method: "HEAD", start: 3 })).toMatchObject({ ok: true });
    const bad: readonly JsonObject[] = [
      {},
      { url: 1 },
      { url: "", method: "POST" },
      { url: "", start: -1 },
      { url: "", headers: {} },
    ];
    for (const input of bad) expect(await tool.parseInput(input)).toMatchObject({ ok: false });
  });
});
