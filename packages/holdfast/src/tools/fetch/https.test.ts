/** What is pinned to an address is still the host of its name: SNI, certificate, redirects. */
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { CERTIFICATE, KEY } from "./certificate.fixture.ts";
import { fetchTool } from "./fetch-tool.ts";
import { contextOf, startServer } from "../../definitions/servers.fixture.ts";

/** A server with a certificate for `a.test`; `names` are those it was asked for by SNI. */
const serving = async (answer: RequestListener, isTrusted: boolean) => {
  if (isTrusted) {
    const before = getCACertificates();
    setDefaultCACertificates([...before, CERTIFICATE]);
    onTestFinished(() => setDefaultCACertificates(before));
  }
  const names: string[] = [];
  const hosts: unknown[] = [];
  const options = {
    cert: CERTIFICATE,
    key: KEY,
    SNICallback: (name: string, done: (error: null) => void) => {
      names.push(name);
      done(null);
    },
  };
  const server = createServer(options, (request, response) => {
    hosts.push(request.headers.host);
    answer(request, response);
  });
  await once(server.listen(0, "127.0.0.2"), "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const tool = fetchTool({
    allow: [`127.0.0.2:${port}`, "127.0.0.3"],
    ports: [port],
    lookup: async (name) => [name === "later.a.test" ? "127.0.0.1" : "127.0.0.2"],
  });
  const ask = (url: string) => tool.execute({ url: url.replace("PORT", String(port)) }, contextOf());
  return { ask, names, hosts, port };
};

describe("a page by https", () => {
  it("is asked for by its name, and its certificate has to be for that name", async () => {
    const { ask, names, hosts, port } = await serving(
      (_request, response) => response.setHeader("content-type", "text/plain").end("safe"),
      true,
    );
    expect(await ask("https://a.test:PORT/")).toMatchObject({ text: "safe", url: `https://a.test:${port}/` });
    expect([names, hosts]).toEqual([["a.test"], [`a.test:${port}`]]);
    const refused = {
      failure: { retryable: false, details: { reason: "network", code: "ERR_TLS_CERT_ALTNAME_INVALID" } },
    };
    await expect(ask("https://b.test:PORT/")).rejects.toMatchObject(refused);
    await expect(ask("https://127.0.0.2:PORT/")).rejects.toMatchObject(refused);
    expect(hosts).toHaveLength(1);
  });

  it("is not read when nobody vouches for the certificate", async () => {
    const { ask, hosts } = await serving((_request, response) => response.end("unsafe"), false);
    await expect(ask("https://a.test:PORT/")).rejects.toMatchObject({
      failure: { retryable: false, details: { reason: "network", code: "DEPTH_ZERO_SELF_SIGNED_CERT" } },
    });
    expect(hosts).toEqual([]);
  });

  it("does not lead on to http, nor to a private address under a name that its certificate is for", async () => {
    const plain = await startServer((_request, response) => response.end("plain"), "127.0.0.3", 0);
    onTestFinished(plain.stop);
    const { ask, hosts } = await serving((request, response) => {
      const to =
        request.url === "/plain"
          ? `http://127.0.0.3:${plain.port}/`
          : `https://later.a.test:${request.socket.localPort}/`;
      response.writeHead(302, { location: to }).end();
    }, true);
    const reason = (is: string) => ({
      executed: false,
      failure: { retryable: false, details: { reason: is } },
    });
    await expect(ask("https://a.test:PORT/plain")).rejects.toMatchObject(reason("port"));
    await expect(ask("https://a.test:PORT/")).rejects.toMatchObject(reason("address"));
    expect([hosts.length, plain.hits.length]).toEqual([2, 0]);
  });

  it("does not lead on to http, where that could be reached", async () => {
    const { ask, hosts } = await serving((request, response) => {
      response.writeHead(307, { location: `http://a.test:${request.socket.localPort}/` }).end();
    }, true);
    await expect(ask("https://a.test:PORT/")).rejects.toMatchObject({
      failure: { details: { reason: "redirect" } },
    });
    expect(hosts).toHaveLength(1);
  });
});
