/** What is not on the public internet is not reached: by no spelling, no redirect, and no name. */
import { request as undiciRequest, Agent } from "undici";
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { isHoldfastError } from "../../core/errors.ts";
import { isPublicAddress } from "../../core/public-address.ts";
import type { FetchOptions } from "./fetch-settings.ts";
import { fetchTool } from "./fetch-tool.ts";
import { ELSEWHERE, LOOPBACK, TRICKS, UNSPECIFIED } from "../../definitions/private-addresses.fixture.ts";
import { contextOf, startNameServer, startServer, type Zone } from "../../definitions/servers.fixture.ts";

/** It listens on every address of this machine, and tells its secret to whoever comes. */
const inside = await startServer((_request, response) =>
  response.setHeader("content-type", "text/plain").end("SECRET"),
);
afterAll(() => inside.stop());
beforeEach(() => {
  inside.hits.length = 0;
});

const spelt = (url: string): string => url.replace("PORT", String(inside.port));

/** What came of a fetch: `pass` when anything was given back. */
const attempt = async (url: string, options: FetchOptions = {}) => {
  const tool = fetchTool({ ports: [80, 443, inside.port], ...options });
  try {
    await tool.execute({ url }, contextOf());
    return { pass: true, reason: "none", message: "" };
  } catch (thrown) {
    if (!isHoldfastError(thrown)) throw thrown;
    const reason = thrown.failure.details?.["reason"];
    return { pass: false, reason: typeof reason === "string" ? reason : "none", message: thrown.message };
  }
};

const REFUSALS = ["url", "host", "port", "address"];

describe("a spelling of a private address", () => {
  it("is not reached, whichever of more than a hundred and fifty it is", async () => {
    const all = [...LOOPBACK, ...UNSPECIFIED, ...ELSEWHERE, ...TRICKS];
    const passed: string[] = [];
    for (const url of all) {
      const { pass, reason, message } = await attempt(spelt(url));
      if (pass || !REFUSALS.includes(reason)) passed.push(`${url}: ${reason} ${message}`);
    }
    expect(all.length).toBeGreaterThan(150);
    expect(passed).toEqual([]);
    expect(inside.hits).toEqual([]);
  });

  it("of nowhere in particular is not reached even where all is allowed", async () => {
    for (const url of UNSPECIFIED) {
      const found = await attempt(spelt(url), { allow: ["0.0.0.0/0", "::/0"] });
      expect([url, found]).toMatchObject([url, { pass: false, reason: "address" }]);
    }
    expect(inside.hits).toEqual([]);
  });

  it("would be seen to arrive: with everything allowed, all those of this machine do", async () => {
    const allow = ["0.0.0.0/0", "::/0"];
    const stayed: string[] = [];
    for (const url of LOOPBACK) if (!(await attempt(spelt(url), { allow })).pass) stayed.push(url);
    expect(stayed).toEqual([]);
    expect(inside.hits.length).toBe(LOOPBACK.length);
  });
});

const privateZone: Zone = (name, time) => {
  if (name === "rebinds.test") return [time === 1 ? "127.0.0.2" : "127.0.0.1"];
  if (name === "mixed.test") return ["127.0.0.2", "127.0.0.1"];
  if (name === "nothing.test") return [];
  const dashed = /^(\d+-\d+-\d+-\d+)\./.exec(name)?.[1];
  return dashed === undefined ? ["127.0.0.1"] : [dashed.replaceAll("-", ".")];
};

/** A name server of the tests' own, and a server that may be reached: it stands for the public internet. */
const withNames = async (zone = privateZone) => {
  const names = await startNameServer(zone);
  onTestFinished(names.stop);
  return { ...names, options: { lookup: names.lookup, allow: ["127.0.0.2"] } };
};

describe("a name", () => {
  it.each([
    "localtest.me",
    "anything.localhost",
    "a.b.localhost",
    "localhost.localdomain",
    "metadata.google.internal",
    "xn--80ak6aa92e.test",
    "127-0-0-1.nip.test",
    "10-0-0-1.nip.test",
    "169-254-169-254.nip.test",
    "192-168-1-1.nip.test",
    "0-0-0-0.nip.test",
    "100-64-0-1.nip.test",
    "EXAMPLE.COM",
    "bücher.test",
    "a_b.test",
    "trailing.test.",
  ])("that leads to a private address is not reached: %s", async (name) => {
    const { options, asked } = await withNames();
    expect(await attempt(`http://${name}:${inside.port}/`, options)).toMatchObject({
      pass: false,
      reason: "address",
    });
    expect(asked).toHaveLength(1);
    expect(inside.hits).toEqual([]);
  });

  it("with one private address among its addresses is not reached at all", async () => {
    const { options } = await withNames();
    const url = `http://mixed.test:${inside.port}/`;
    expect(await attempt(url, options)).toMatchObject({ pass: false, reason: "address" });
    expect(inside.hits).toEqual([]);
  });

  it("without an address fails as such", async () => {
    const { options } = await withNames();
    expect(await attempt(`http://nothing.test:${inside.port}/`, options)).toMatchObject({
      pass: false,
      reason: "lookup",
    });
  });

  it("is not told to whoever asks where it leads", async () => {
    const { options } = await withNames();
    const { message } = await attempt(`http://10-0-0-1.nip.test/`, {
      ...options,
      lookup: async () => ["10.9.8.7"],
    });
    expect(message).toContain("private");
    expect(message).not.toContain("10.9.8.7");
  });

  it("may answer whatever it likes: what is no plain address is refused", async () => {
    for (const answer of [
      "fe80::1%lo",
      "127.1",
      "0x7f000001",
      "localhost",
      "",
      "::ffff:8.8.8.8",
      "[::1]",
      " 8.8.8.8",
    ]) {
      const found = await attempt(`http://a.test:${inside.port}/`, { lookup: async () => [answer] });
      expect([answer, found]).toMatchObject([answer, { pass: false, reason: "address" }]);
    }
    expect(inside.hits).toEqual([]);
  });
});

describe("a name that changes its answer between check and connection", () => {
  const url = `http://rebinds.test:${inside.port}/`;

  it("is asked once, and connected to where it was judged", async () => {
    const { options, asked } = await withNames();
    expect(await attempt(url, options)).toMatchObject({ pass: true });
    expect(asked).toHaveLength(1);
    // The second answer is another fetch, and judged again.
    expect(await attempt(url, options)).toMatchObject({ pass: false, reason: "address" });
    expect(asked).toHaveLength(2);
    expect(inside.hits).toHaveLength(1);
  });

  it("is caught in the redirect that makes it be asked again", async () => {
    const outside = await startServer((_request, response) => {
      response.writeHead(302, { location: url, connection: "close" }).end();
    }, "127.0.0.2");
    onTestFinished(outside.stop);
    const { options, asked } = await withNames((_name, time) => [time === 1 ? "127.0.0.2" : "127.0.0.1"]);
    const first = `http://rebinds.test:${outside.port}/`;
    const ports = [inside.port, outside.port];
    expect(await attempt(first, { ...options, ports })).toMatchObject({ pass: false, reason: "address" });
    expect([outside.hits.length, asked.length, inside.hits.length]).toEqual([1, 2, 0]);
  });

  it("gets through to a fetch that checks first and connects by name, so the name server does what it should", async () => {
    const { lookup, asked } = await withNames();
    const [checked = ""] = await lookup("rebinds.test");
    expect(checked === "127.0.0.2" || isPublicAddress(checked)).toBe(true);
    const naive = new Agent({
      connect: {
        lookup: (host, _options, done) =>
          void lookup(host).then(([address = ""]) => done(null, [{ address, family: 4 }])),
      },
    });
    onTestFinished(() => naive.destroy());
    const answer = await undiciRequest(url, { dispatcher: naive });
    expect(await answer.body.text()).toBe("SECRET");
    expect(asked).toHaveLength(2);
    expect(inside.hits).toHaveLength(1);
  });
});

describe("a redirect", () => {
  const targets = [
    `http://127.0.0.1:${inside.port}/`,
    `http://localhost:${inside.port}/`,
    `http://2130706433:${inside.port}/`,
    `http://[::ffff:7f00:1]:${inside.port}/`,
    `http://[::1]:${inside.port}/`,
    `//127.1:${inside.port}/`,
    `http://u:p@127.0.0.1:${inside.port}/`,
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:70/_x",
    "data:text/plain,SECRET",
    "ftp://127.0.0.1/",
    "javascript:1",
  ];

  it.each([301, 302, 303, 307, 308])("with status %i to what is private is not followed", async (status) => {
    for (const target of targets) {
      const outside = await startServer((_request, response) => {
        response.writeHead(status, { location: target }).end();
      }, "127.0.0.2");
      const options = { allow: [`127.0.0.2:${outside.port}`], ports: [80, 443, inside.port] };
      const found = await attempt(`http://127.0.0.2:${outside.port}/`, options);
      await outside.stop();
      expect([target, found]).toMatchObject([target, { pass: false }]);
      expect(REFUSALS).toContain(found.reason);
      expect(outside.hits).toHaveLength(1);
    }
    expect(inside.hits).toEqual([]);
  });

  it("is followed where it may be, five times and no more", async () => {
    const outside = await startServer((request, response) => {
      const left = Number(new URL(request.url ?? "", "http://a").searchParams.get("left"));
      if (left > 0) response.writeHead(302, { location: `?left=${left - 1}` }).end();
      else response.setHeader("content-type", "text/plain").end("arrived");
    }, "127.0.0.2");
    onTestFinished(outside.stop);
    const options = { allow: [`127.0.0.2:${outside.port}`] };
    const url = `http://127.0.0.2:${outside.port}/`;
    expect(await attempt(`${url}?left=5`, options)).toMatchObject({ pass: true });
    expect(await attempt(`${url}?left=6`, options)).toMatchObject({ pass: false, reason: "redirect" });
    expect(await attempt(`${url}?left=1`, { ...options, maxRedirects: 0 })).toMatchObject({
      reason: "redirect",
    });
    expect(outside.hits).toHaveLength(6 + 6 + 1);
  });
});

describe("the environment", () => {
  it("names no proxy that is listened to", async () => {
    const names = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "NODE_USE_ENV_PROXY"];
    const before = names.map((name) => [name, process.env[name]] as const);
    onTestFinished(() => {
      for (const [name, value] of before) if (value === undefined) delete process.env[name];
    });
    for (const name of names)
      process.env[name] = name.startsWith("NODE") ? "1" : `http://127.0.0.1:${inside.port}`;
    const outside = await startServer((_request, response) => response.end("ok"), "127.0.0.2");
    onTestFinished(outside.stop);
    await attempt(`http://127.0.0.2:${outside.port}/`, { allow: [`127.0.0.2:${outside.port}`] });
    expect([outside.hits.length, inside.hits.length]).toEqual([1, 0]);
  });
});
