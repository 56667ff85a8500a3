/** Whatever goes through the proxy goes where the rules allow, by either of its languages, and nowhere else. */
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { request as httpRequest, type RequestListener } from "node:http";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { openEgressProxy, type EgressProxy, type EgressProxyOptions } from "./egress-proxy.ts";
import { resolveNetworkOptions, type NetworkOptions } from "./network-rules.ts";
import { ELSEWHERE, LOOPBACK, TRICKS, UNSPECIFIED } from "./private-addresses.fixture.ts";
import { startNameServer, startServer } from "./servers.fixture.ts";

/** It listens on every address of this machine, and tells its secret to whoever comes. */
const inside = await startServer((_request, response) => response.end("SECRET"));
afterAll(() => inside.stop());
beforeEach(() => {
  inside.hits.length = 0;
});

const proxyWith = async (
  network: NetworkOptions = {},
  more: Partial<EgressProxyOptions> = {},
): Promise<EgressProxy> => {
  const rules = resolveNetworkOptions(network, { owner: "tests", verb: "reached" });
  const proxy = await openEgressProxy({ rules, ...more });
  onTestFinished(() => proxy.close());
  return proxy;
};

/** Listens on 127.0.0.2, which stands for the public internet. */
const outsideWith = async (answer: RequestListener) => {
  const server = await startServer(answer, "127.0.0.2");
  onTestFinished(server.stop);
  return { ...server, at: `127.0.0.2:${server.port}` };
};

const dial = (proxy: EgressProxy | string): Socket => {
  const socket = typeof proxy === "string" ? connect(proxy) : connect(proxy.port ?? 0, "127.0.0.1");
  socket.on("error", () => undefined);
  onTestFinished(() => void socket.destroy());
  return socket;
};

const all = async (socket: Socket): Promise<string> => {
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
};

/** What comes back for these very bytes. */
const raw = async (proxy: EgressProxy | string, bytes: string): Promise<string> => {
  const socket = dial(proxy);
  socket.write(bytes);
  return all(socket).catch((error: unknown) => `broken: ${String(error)}`);
};

const get = (proxy: EgressProxy | string, url: string): Promise<string> =>
  raw(proxy, `GET ${url} HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n`);

/** Asks for a tunnel, and for `/` through it where it was made. */
const tunnel = async (proxy: EgressProxy | string, authority: string): Promise<string> => {
  const socket = dial(proxy);
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  const [first] = (await Promise.race([once(socket, "data"), once(socket, "close").then(() => [""])])) as [
    unknown,
  ];
  const head = String(first);
  if (!head.startsWith("HTTP/1.1 200")) return head;
  socket.write("GET / HTTP/1.1\r\nHost: inner\r\nConnection: close\r\n\r\n");
  return head + (await all(socket));
};

/** How many bytes come, to who lets the others do whatever they have to do before each next piece. */
const readSlowly = async (socket: Socket): Promise<number> => {
  let bytes = 0;
  for await (const chunk of socket) {
    bytes += (chunk as Buffer).length;
    for (let turns = 0; turns < 120; turns += 1) await readdir(import.meta.dirname);
  }
  return bytes;
};

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0);

describe("what is allowed", () => {
  it("is reached by plain HTTP and by CONNECT", async () => {
    const { at, hits } = await outsideWith((_request, response) => response.end("hello"));
    const proxy = await proxyWith({ allow: [at] });
    expect(await get(proxy, `http://${at}/page?a=1`)).toMatch(/^HTTP\/1\.1 200[^]*hello/);
    expect(await tunnel(proxy, at)).toMatch(/^HTTP\/1\.1 200[^]*HTTP\/1\.1 200[^]*hello/);
    expect(hits).toEqual([at, "inner"]);
    expect(proxy.refused).toEqual([]);
    expect(proxy.received).toBeGreaterThan(5);
  });

  it("comes whole, also where the server has long gone and who asked reads slowly", async () => {
    const { at } = await outsideWith((request, response) =>
      response.end(Buffer.alloc(Number(request.headers["x-size"]), "x")),
    );
    // What is in the kernel's hands between the two is little with such a socket: the proxy itself has to wait.
    const folder = await mkdtemp(join(tmpdir(), "holdfast-egress-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const socketPath = join(folder, "socket");
    const proxy = await proxyWith({ allow: [at] }, { socketPath });
    for (const size of [337_680, 2_591_440, 2_689_976, 3 << 20, 6_291_956]) {
      const rest = `Host: x\r\nX-Size: ${size}\r\nConnection: close\r\n\r\n`;
      const plain = dial(socketPath);
      plain.write(`GET http://${at}/ HTTP/1.1\r\n${rest}`);
      const through = dial(socketPath);
      through.write(`CONNECT ${at} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await once(through, "readable");
      through.write(`GET / HTTP/1.1\r\n${rest}`);
      expect(await readSlowly(plain)).toBeGreaterThan(size);
      expect(await readSlowly(through)).toBeGreaterThan(size);
    }
    await expect.poll(() => proxy.sockets).toBe(0);
  });

  it("is sent a request as it was, but for what is the proxy's own", async () => {
    const seen: unknown[] = [];
    const { at } = await outsideWith((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        seen.push({ ...request.headers, method: request.method, body: Buffer.concat(chunks).toString() });
        response.writeHead(201, { "set-cookie": ["a=1", "b=2"], "x-kept": "yes" }).end("made");
      });
    });
    const proxy = await proxyWith({ allow: [at] });
    const start = (more: string): string =>
      `POST http://${at}/x HTTP/1.1\r\nHost: other.example\r\nProxy-Authorization: Basic c2VjcmV0\r\nProxy-Connection: keep-alive\r\nX-Mine: 1\r\nX-Hop: 2\r\nConnection: close, x-hop\r\n${more}`;
    const chunked = await raw(proxy, start("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
    await raw(proxy, start("Content-Length: 2\r\n\r\nhi"));
    expect(chunked).toMatch(/^HTTP\/1\.1 201[^]*set-cookie: a=1\r\nset-cookie: b=2[^]*x-kept: yes/i);
    expect(seen).toMatchObject([
      { method: "POST", host: at, "x-mine": "1", body: "hello" },
      { method: "POST", host: at, "content-length": "2", body: "hi" },
    ]);
    for (const headers of seen) {
      expect(headers).not.toHaveProperty("proxy-authorization");
      expect(headers).not.toHaveProperty("proxy-connection");
      expect(headers).not.toHaveProperty("x-hop");
    }
  });

  it("is told by 502 when it does not answer, without its address", async () => {
    const gone = createServer();
    await once(gone.listen(0, "127.0.0.2"), "listening");
    const { port } = gone.address() as AddressInfo;
    gone.close();
    const proxy = await proxyWith({ allow: [`gone.test:${port}`], lookup: async () => ["127.0.0.2"] });
    for (const answer of [
      await get(proxy, `http://gone.test:${port}/`),
      await tunnel(proxy, `gone.test:${port}`),
    ]) {
      expect(statusOf(answer)).toBe(502);
      expect(answer).toContain("ECONNREFUSED");
      expect(answer).not.toContain("127.0.0.2");
    }
    expect(proxy.refused).toEqual([]);
  });

  it("is connected to by a Unix socket too", async () => {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-proxy-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const socketPath = join(folder, "proxy");
    const { at } = await outsideWith((_request, response) => response.end("hello"));
    const proxy = await proxyWith({ allow: [at] }, { socketPath });
    expect(proxy.port).toBeNull();
    expect(await get(socketPath, `http://${at}/`)).toContain("hello");
    expect(await tunnel(socketPath, at)).toContain("hello");
    expect(statusOf(await get(socketPath, `http://127.0.0.1:${inside.port}/`))).toBe(403);
    await proxy.close();
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("what is not allowed", () => {
  it("is refused by its name, in whatever letters and with however many dots at its end", async () => {
    const asked: string[] = [];
    const proxy = await proxyWith({
      allow: ["127.0.0.2"],
      deny: ["bad.test", "*.worse.test"],
      lookup: async (name) => {
        asked.push(name);
        return ["127.0.0.2"];
      },
    });
    for (const name of [
      "bad.test",
      "BAD.test.",
      "bad.test..",
      "bad%2Etest...",
      "a.worse.test..",
      "bad。test。。",
    ])
      expect(statusOf(await get(proxy, `http://${encodeURI(name).replace("%25", "%")}/`))).toBe(403);
    expect(statusOf(await tunnel(proxy, "bad.test..:443"))).toBe(403);
    expect(asked).toEqual([]);
    await get(proxy, "http://good.test../");
    expect(asked).toEqual(["good.test"]);
  });

  it("is refused with the reason as text, and noted", async () => {
    const told: string[] = [];
    const proxy = await proxyWith(
      {
        allowHosts: ["good.test", "*.good.test", "127.0.0.1"],
        deny: ["bad.good.test"],
        lookup: async () => ["10.0.0.1"],
      },
      { onRefused: ({ host, reason }) => told.push(`${host} ${reason}`) },
    );
    const answers = [
      await get(proxy, "http://evil.test/"),
      await tunnel(proxy, "bad.good.test:443"),
      await tunnel(proxy, "good.test:22"),
      await get(proxy, "http://good.test/"),
      await tunnel(proxy, "127.0.0.1:443"),
    ];
    expect(answers.map(statusOf)).toEqual([403, 403, 403, 403, 403]);
    expect(answers[0]).toContain("evil.test is not among the hosts that may be reached here.");
    expect(answers[2]).toContain("Port 22 is not reached here; ports are 80, 443.");
    expect(answers[3]).toContain("good.test is not on the public internet (private address)");
    expect(answers.join()).not.toContain("10.0.0.1");
    expect(told).toEqual([
      "evil.test host",
      "bad.good.test host",
      "good.test port",
      "good.test address",
      "127.0.0.1 address",
    ]);
    expect(proxy.refused.map(({ host, port }) => `${host}:${port}`)).toEqual([
      "evil.test:80",
      "bad.good.test:443",
      "good.test:22",
      "good.test:80",
      "127.0.0.1:443",
    ]);
  });

  it("is not reached by any of more than a hundred and fifty spellings, in either language", async () => {
    const proxy = await proxyWith({ ports: [80, 443, inside.port], lookup: async () => ["127.0.0.1"] });
    const spellings = [...LOOPBACK, ...UNSPECIFIED, ...ELSEWHERE, ...TRICKS];
    const passed: string[] = [];
    for (const spelling of spellings) {
      const url = spelling.replace("PORT", String(inside.port));
      const authority = url.replace(/^[a-z]+:[/\\]*/i, "").replace(/[/\\?#].*$/, "");
      const withPort = /:\d+$/.test(authority) ? authority : `${authority}:80`;
      for (const answer of [await get(proxy, url), await tunnel(proxy, withPort)])
        if (![400, 403].includes(statusOf(answer)) && !answer.startsWith("broken") && answer !== "")
          passed.push(`${url}: ${answer.slice(0, 60)}`);
    }
    expect(spellings.length).toBeGreaterThan(150);
    expect(passed).toEqual([]);
    expect(inside.hits).toEqual([]);
  });

  it("would be seen to arrive: with everything allowed, those that HTTP can say do", async () => {
    const proxy = await proxyWith({ allow: ["0.0.0.0/0", "::/0"], ports: [inside.port] });
    for (const url of [`http://127.1:${inside.port}/`, `http://0x7f000001:${inside.port}/`])
      expect(await get(proxy, url)).toContain("SECRET");
    for (const authority of [`127.1:${inside.port}`, `[::1]:${inside.port}`, `localhost:${inside.port}`])
      expect(await tunnel(proxy, authority)).toContain("SECRET");
    expect(inside.hits).toHaveLength(5);
  });

  it("is not even looked up when its name alone says so", async () => {
    const names = await startNameServer(() => ["127.0.0.2"]);
    onTestFinished(names.stop);
    const proxy = await proxyWith({ allowHosts: ["good.test"], lookup: names.lookup });
    expect(statusOf(await get(proxy, "http://secret-in-a-name.evil.test/"))).toBe(403);
    expect(statusOf(await tunnel(proxy, "secret-in-a-name.evil.test:443"))).toBe(403);
    expect(names.asked).toEqual([]);
  });
});

describe("a name", () => {
  it("that changes its answer is asked once, and connected to where it was judged", async () => {
    const names = await startNameServer((_name, time) => [time % 2 === 1 ? "127.0.0.2" : "127.0.0.1"]);
    onTestFinished(names.stop);
    const proxy = await proxyWith({ allow: ["127.0.0.2"], ports: [inside.port], lookup: names.lookup });
    const [url, authority] = [`http://rebinds.test:${inside.port}/`, `rebinds.test:${inside.port}`];
    expect(await get(proxy, url)).toContain("SECRET");
    expect(statusOf(await get(proxy, url))).toBe(403);
    expect(await tunnel(proxy, authority)).toContain("SECRET");
    expect(statusOf(await tunnel(proxy, authority))).toBe(403);
    expect(names.asked).toHaveLength(4);
    expect(inside.hits).toHaveLength(2);
  });

  it("with one forbidden address among its addresses is not connected to", async () => {
    const proxy = await proxyWith({
      allow: ["127.0.0.2"],
      ports: [inside.port],
      lookup: async () => ["127.0.0.2", "127.0.0.1"],
    });
    expect(statusOf(await tunnel(proxy, `mixed.test:${inside.port}`))).toBe(403);
    expect(inside.hits).toEqual([]);
  });

  it("that does not exist is told by 502", async () => {
    const missing = Object.assign(new Error("no"), { code: "ENOTFOUND" });
    const proxy = await proxyWith({ lookup: () => Promise.reject(missing) });
    const answer = await get(proxy, "http://missing.test/");
    expect(statusOf(answer)).toBe(502);
    expect(answer).toContain("The address of missing.test could not be found.");
  });

  it("whose answer comes after whoever asked has gone leads to no connection", async () => {
    const answered = Promise.withResolvers<readonly string[]>();
    const asked = Promise.withResolvers<void>();
    const proxy = await proxyWith({
      allow: ["127.0.0.1"],
      ports: [inside.port],
      lookup: () => {
        asked.resolve();
        return answered.promise;
      },
    });
    const socket = dial(proxy);
    socket.write(`CONNECT late.test:${inside.port} HTTP/1.1\r\n\r\n`);
    await asked.promise;
    await proxy.close();
    answered.resolve(["127.0.0.1"]);
    expect(await all(socket).catch(() => "")).toBe("");
    expect([inside.hits, proxy.sockets]).toEqual([[], 0]);
  });
});

describe("how much", () => {
  it("may come from outside has its limit, in both languages, and nothing more is let through", async () => {
    for (const ask of [get, tunnel]) {
      const { at } = await outsideWith((_request, response) => {
        const pour = (): void => {
          while (response.write(Buffer.alloc(65_536)));
        };
        response.on("drain", pour);
        pour();
      });
      const proxy = await proxyWith({ allow: [at] }, { maxBytes: 1_000_000 });
      const answer = await ask(proxy, ask === get ? `http://${at}/` : at);
      expect(answer.length).toBeLessThan(2_000_000);
      expect(proxy.received).toBeGreaterThan(1_000_000);
      const next = await ask(proxy, ask === get ? `http://${at}/` : at);
      expect(statusOf(next)).toBe(403);
      expect(next).toContain("More than 1000000 bytes");
      expect(proxy.refused.at(-1)).toMatchObject({ reason: "bytes" });
    }
  });

  it("counts all of an answer, also what comes before it without end", async () => {
    const server = createServer((socket) => {
      const pour = (): void => {
        while (!socket.destroyed && socket.write("HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n".repeat(100)));
      };
      socket.on("error", () => undefined);
      socket.on("drain", pour);
      socket.once("data", pour);
    });
    await once(server.listen(0, "127.0.0.2"), "listening");
    onTestFinished(() => void server.close());
    const at = `127.0.0.2:${(server.address() as AddressInfo).port}`;
    const proxy = await proxyWith({ allow: [at] }, { maxBytes: 1_000_000 });
    await get(proxy, `http://${at}/`);
    expect(proxy.received).toBeGreaterThan(1_000_000);
    expect(await get(proxy, `http://${at}/`)).toContain("More than 1000000 bytes");
  });

  it("is held open is nothing, once whoever asked has gone", async () => {
    const [arrived, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { at } = await outsideWith((request) => {
      request.socket.on("close", () => ended.resolve());
      arrived.resolve();
    });
    const proxy = await proxyWith({ allow: [at] });
    const client = httpRequest({ host: "127.0.0.1", port: proxy.port, path: `http://${at}/` });
    client.on("error", () => undefined);
    client.end();
    await arrived.promise;
    client.destroy();
    await ended.promise;
  });

  it("is left of five hundred connections is nothing, and closing ends what is still there", async () => {
    const { at } = await outsideWith((_request, response) => response.end("hello"));
    const proxy = await proxyWith({ allow: [at] });
    for (let round = 0; round < 10; round += 1) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          index % 2 === 0 ? get(proxy, `http://${at}/`) : tunnel(proxy, at),
        ),
      );
      expect(answers.every((answer) => answer.includes("hello"))).toBe(true);
    }
    const open = dial(proxy);
    open.write(`CONNECT ${at} HTTP/1.1\r\n\r\n`);
    await once(open, "data");
    expect(proxy.sockets).toBeGreaterThan(1);
    await proxy.close();
    await proxy.close();
    expect(await all(open).catch(() => "")).toBe("");
    expect(proxy.sockets).toBe(0);
    expect(proxy.port).toBeNull();
  });
});

describe("nonsense", () => {
  it.each([
    ["a request for the proxy itself", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"],
    ["a tunnel without a port", "CONNECT a.test HTTP/1.1\r\n\r\n"],
    ["a tunnel to a path", "CONNECT a.test/x:443 HTTP/1.1\r\n\r\n"],
    ["another scheme", "GET https://a.test/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"],
    ["credentials", "GET http://u:p@a.test/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"],
    ["two lengths", "POST http://a.test/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
    ["bytes that are no HTTP", "\u0000\u0001\u0002\r\n\r\n"],
    ["a header without an end", `GET http://a.test/ HTTP/1.1\r\nX: ${"x".repeat(100_000)}\r\n\r\n`],
  ])("is turned away, and harms nobody else: %s", async (_what, bytes) => {
    const { at } = await outsideWith((_request, response) => response.end("hello"));
    const proxy = await proxyWith({ allow: [at] });
    const answer = await raw(proxy, bytes);
    expect(answer === "" || answer.startsWith("broken") || statusOf(answer) >= 400).toBe(true);
    expect(await get(proxy, `http://${at}/`)).toContain("hello");
  });
});
