/** Whatever a page asks for, by whatever means, is held to the rules: nothing of it gets past the proxy. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { LOOPBACK, UNSPECIFIED } from "../../definitions/private-addresses.fixture.ts";
import { browsing, refOf, startSite, type Pages } from "./browser-tools.fixture.ts";

/** Something on this machine that nobody may reach: it counts who tries, by TCP and UDP, and answers nothing. */
const startInside = async () => {
  const touched: string[] = [];
  const tcp = createServer((socket) => {
    socket.once("data", (data) => touched.push(`tcp ${String(data).split("\r\n")[0]?.slice(0, 60)}`));
    socket.on("error", () => undefined);
    socket.on("data", () =>
      socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nSECRET"),
    );
  });
  await once(tcp.listen(0, "::"), "listening");
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket("udp4");
  udp.on("message", () => touched.push("udp"));
  udp.bind(port, "0.0.0.0");
  await once(udp, "listening");
  onTestFinished(() => {
    udp.close();
    tcp.close();
  });
  return { port, touched };
};

/** By every means that a page has. */
const attempts = (host: string): string => `
  const say = (text) => { document.querySelector("#said").textContent += text + " "; };
  const quiet = (work) => { try { Promise.resolve(work()).then(() => {}, () => {}); } catch {} };
  quiet(() => fetch("http://${host}/fetch", { mode: "no-cors" }));
  quiet(() => fetch("https://${host}/https", { mode: "no-cors" }));
  quiet(() => navigator.sendBeacon("http://${host}/beacon", "x"));
  quiet(() => new EventSource("http://${host}/events"));
  quiet(() => { const s = new WebSocket("ws://${host}/socket"); s.onopen = () => say("socket"); });
  quiet(() => { const s = new WebSocket("wss://${host}/secure-socket"); s.onopen = () => say("socket"); });
  quiet(() => new WebTransport("https://${host}/transport").ready);
  quiet(() => new Worker(URL.createObjectURL(new Blob(["fetch('http://${host}/worker',{mode:'no-cors'})"]))));
  quiet(() => new SharedWorker(URL.createObjectURL(new Blob(["fetch('http://${host}/shared',{mode:'no-cors'})"]))));
  quiet(() => navigator.serviceWorker.register("/service-worker.js"));
  quiet(() => window.open("http://${host}/popup"));
  quiet(() => import("http://${host}/module.js"));
  for (const [tag, name, value] of [
    ["img", "src", "img"], ["script", "src", "script"], ["iframe", "src", "frame"], ["object", "data", "object"],
    ["embed", "src", "embed"], ["video", "src", "video"], ["audio", "src", "audio"], ["track", "src", "track"],
  ]) { const e = document.createElement(tag); e[name] = "http://${host}/" + value; document.body.append(e); }
  for (const rel of ["stylesheet", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload", "icon", "manifest", "prerender"])
    { const e = document.createElement("link"); e.rel = rel; e.as = "fetch"; e.href = "http://${host}/" + rel; document.head.append(e); }
  const style = document.createElement("style");
  style.textContent = '@import "http://${host}/import"; body { background: url(http://${host}/css) } @font-face { font-family: x; src: url(http://${host}/font) } #said { font-family: x }';
  document.head.append(style);
  const rules = document.createElement("script"); rules.type = "speculationrules";
  rules.textContent = JSON.stringify({ prefetch: [{ source: "list", urls: ["http://${host}/speculation"], eagerness: "immediate" }] });
  document.head.append(rules);
  for (const path of ["/to-inside", "/refreshes"]) { const e = document.createElement("iframe"); e.src = path; document.body.append(e); }
  quiet(() => fetch("/to-inside", { mode: "no-cors" }));
  const form = document.createElement("form"); form.method = "post"; form.action = "http://${host}/form"; form.target = "f";
  const frame = document.createElement("iframe"); frame.name = "f"; document.body.append(frame, form); form.submit();
  const ping = document.createElement("a"); ping.href = "#"; ping.ping = "http://${host}/ping"; document.body.append(ping); ping.click();
  quiet(async () => {
    const peer = new RTCPeerConnection({ iceServers: [{ urls: ["stun:${host}"] },
      { urls: ["turn:${host}?transport=udp", "turn:${host}?transport=tcp", "turns:${host}?transport=tcp"], username: "u", credential: "c" }] });
    peer.createDataChannel("x"); await peer.setLocalDescription(await peer.createOffer());
  });
  setTimeout(() => say("finished"), 2500);
`;

const evil = (host: string): Pages => ({
  "/": `<p id="said">said:</p><script>${attempts(host)}</script>`,
  "/to-inside": (_request, response) =>
    response.writeHead(302, { location: `http://${host}/redirected` }).end(),
  "/refreshes": `<meta http-equiv="refresh" content="0;url=http://${host}/refreshed">`,
  "/service-worker.js": (_request, response) =>
    response
      .setHeader("content-type", "text/javascript")
      .end(`fetch("http://${host}/service", { mode: "no-cors" }).catch(() => {});`),
});

describe("what a page asks for", () => {
  it("is not reached inside by any of its means, and would be, were it allowed", async () => {
    const inside = await startInside();
    const site = await startSite(evil(`127.0.0.1:${inside.port}`));
    const visit = async (allow: readonly string[]): Promise<string> => {
      const { session, resource } = await browsing([site], { allow, ports: [80, 443, inside.port] });
      const { call } = await session();
      const opened = await call("open", { url: `${site.url}/` });
      for (let windows = 0; windows < 2; windows += 1) await call("back").catch(() => undefined);
      const told = await call("wait", { text: "finished", seconds: 30 });
      await resource.close();
      return opened + told;
    };
    const told = await visit([site.at]);
    expect(inside.touched).toEqual([]);
    expect(told).toContain("was refused here");
    await visit([site.at, "127.0.0.1"]);
    const reached = inside.touched.join("\n");
    for (const means of [
      "/fetch",
      "/beacon",
      "/events",
      "/socket",
      "/worker",
      "/shared",
      "/service",
      "/popup",
      "/module.js",
      "/img",
      "/script",
      "/frame",
      "/stylesheet",
      "/redirected",
      "/refreshed",
      "/form",
      "/ping",
      "/css",
    ])
      expect(reached).toContain(means);
    expect(reached).not.toContain("udp");
  });

  it("is not reached by other names for this machine, nor by one that a name server gives", async () => {
    const inside = await startInside();
    const spellings = [...LOOPBACK, ...UNSPECIFIED].map((url) => url.replace("PORT", String(inside.port)));
    const site = await startSite({
      "/": `<p id="said">said:</p><script>
        const urls = ${JSON.stringify([...spellings, `http://inside.test:${inside.port}/`, `http://a.localhost:${inside.port}/`])};
        Promise.all(urls.map((url) => { try { return fetch(url, { mode: "no-cors" }).catch(() => {}); } catch {} }))
          .then(() => { said.textContent = "finished"; });
      </script>`,
    });
    const { session } = await browsing([site], {
      ports: [80, 443, inside.port],
      lookup: async () => ["127.0.0.1"],
    });
    const { call } = await session();
    await call("open", { url: `${site.url}/` });
    await call("wait", { text: "finished", seconds: 30 });
    expect(inside.touched).toEqual([]);
  });

  it("is asked of no name server but ours, and of that only where the name may be reached", async () => {
    const site = await startSite({
      "/": `<img src="http://secret-in-a-name.evil.test/"><link rel="dns-prefetch" href="//other.evil.test"><p>here`,
    });
    const asked: string[] = [];
    const { session } = await browsing([site], {
      allowHosts: ["127.0.0.2", "*.good.test"],
      lookup: async (name) => {
        asked.push(name);
        return ["127.0.0.2"];
      },
    });
    const { call, failureOf } = await session();
    const told = await call("open", { url: `${site.url}/` });
    expect(told).toContain("Note: What the page asked for from secret-in-a-name.evil.test was refused here.");
    expect(await failureOf("open", { url: "http://evil.test/" })).toMatchObject({
      reason: "host",
      executed: false,
    });
    expect(asked).toEqual([]);
  });
});

describe("a page itself", () => {
  it("is not opened where its name leads inside, by http and https, and says why", async () => {
    const inside = await startInside();
    const { session } = await browsing([], {
      allow: [],
      ports: [80, 443, inside.port],
      lookup: async () => ["127.0.0.1"],
    });
    const { failureOf } = await session();
    for (const url of [
      `http://a.test:${inside.port}/`,
      `https://a.test:${inside.port}/`,
      `http://127.0.0.1:${inside.port}/`,
    ]) {
      const failure = await failureOf("open", { url });
      expect(failure).toMatchObject({ reason: "refused", executed: false, retryable: false });
      expect(failure.message).toContain("is not on the public internet (loopback address)");
    }
    expect(await failureOf("download", { url: `http://a.test:${inside.port}/` })).toMatchObject({
      reason: "refused",
    });
    expect(inside.touched).toEqual([]);
  });

  it("is not opened by a redirect, a click or a script that leads inside", async () => {
    const inside = await startInside();
    const target = `http://127.0.0.1:${inside.port}/`;
    const site = await startSite({
      "/": `<a href="${target}">Inside</a><button onclick="location = '${target}'">Go</button>
        <button onclick="location = 'file:///etc/passwd'">File</button>`,
      "/moved": (_request, response) => response.writeHead(302, { location: target }).end(),
    });
    const { call, failureOf } = await (await browsing([site], { ports: [80, inside.port] })).session();
    expect(await failureOf("open", { url: `${site.url}/moved` })).toMatchObject({ reason: "refused" });
    for (const name of ['link "Inside"', 'button "Go"', 'button "File"']) {
      const shown = await call("open", { url: `${site.url}/` });
      const told = await call("click", { ref: refOf(shown, name) });
      expect(told).not.toContain("SECRET");
      expect(told).not.toContain("root:");
    }
    expect(inside.touched).toEqual([]);
  });

  it("is held to what one session may receive", async () => {
    const site = await startSite({
      "/": `<p>small`,
      "/pour": `<p id="said">waiting</p><script>fetch("/endless").then(async (answer) => { for await (const _ of answer.body); })
        .catch(() => { said.textContent = "cut off"; });</script>`,
      "/endless": (_request, response) => {
        const pour = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        };
        response.on("drain", pour);
        pour();
      },
    });
    const { session } = await browsing([site], { maxReceivedBytes: 3_000_000 });
    const { call, failureOf } = await session();
    await call("open", { url: `${site.url}/pour` });
    expect(await call("wait", { text: "cut off", seconds: 20 })).toContain("cut off");
    expect((await failureOf("open", { url: `${site.url}/` })).message).toContain("More than 3000000 bytes");
    const other = await session("session-2");
    expect(await other.call("open", { url: `${site.url}/` })).toContain("small");
  });
});

it("S1 sessions share no cookie, storage or window, and none sees what the proxy of another lets through", async () => {
  const server = createHttpServer((request, response) => {
    response.setHeader("content-type", "text/html");
    if (request.url?.startsWith("/set") === true)
      response.setHeader("set-cookie", `who=${request.url.slice(5)}; Path=/`);
    response.end(`<p>cookie: ${request.headers.cookie ?? "none"}</p><p id="s"></p><script>
      const set = location.pathname.startsWith("/set"); if (set) localStorage.who = location.pathname.slice(5);
      s.textContent = "stored: " + localStorage.who;</script>`);
  });
  await once(server.listen(0, "127.0.0.2"), "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const { session } = await browsing([], { allow: [`127.0.0.2:${port}`] });
  const [one, two] = [await session("one"), await session("two")];
  const url = `http://127.0.0.2:${port}`;
  await one.call("open", { url: `${url}/set/one` });
  await two.call("open", { url: `${url}/set/two` });
  for (const [caller, name] of [
    [one, "one"],
    [two, "two"],
  ] as const) {
    const shown = await caller.call("open", { url: `${url}/` });
    expect(shown).toContain(`cookie: who=${name}`);
    expect(shown).toContain(`stored: ${name}`);
  }
  const three = await session("three");
  expect(await three.call("open", { url: `${url}/` })).toMatch(/cookie: none[^]*stored: undefined/);
});
