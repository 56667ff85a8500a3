import { readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { browserTools } from "./browser-tools.ts";
import { browsing, refOf, startSite, type Pages } from "./browser-tools.fixture.ts";

const SHOP: Pages = {
  "/": `<title>Shop</title><h1>Shop</h1><a href="/order">Order</a><a href="/new" target="_blank">News</a>
    <p id="count">0 clicks</p><button onclick="count.textContent = ++clicks + ' clicks'">Count</button>
    <script>let clicks = 0;</script>`,
  "/order": `<title>Order</title><form action="/done" method="post"><label>Name <input name="name"></label>
    <label>Size <select name="size"><option value="s">Small</option><option value="l">Large</option></select></label>
    <button>Send</button></form>`,
  "/done": (request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () =>
      response.setHeader("content-type", "text/html").end(`<title>Done</title><p>Got ${body}`),
    );
  },
  "/new": `<title>News</title><p>Nothing new<button onclick="window.close()">Close me</button>`,
};

describe("a page", () => {
  it("is opened, and shown with its elements by references", async () => {
    const site = await startSite(SHOP);
    const { call } = await (await browsing([site])).session();
    const shown = await call("open", { url: `${site.url}/` });
    expect(shown).toMatch(new RegExp(`^Page: Shop\\nURL: ${site.url}/\\n\\n`));
    expect(shown).toMatch(/heading "Shop" \[level=1\] \[ref=v1e\d+\]/);
    expect(shown).toMatch(/link "Order" \[ref=v1e\d+\]/);
  });

  it("is worked with: clicked, filled, chosen in, sent, gone back from", async () => {
    const site = await startSite(SHOP);
    const { call } = await (await browsing([site])).session();
    const shop = await call("open", { url: `${site.url}/` });
    const order = await call("click", { ref: refOf(shop, 'link "Order"') });
    expect(order).toMatch(/^Clicked v1e\d+\.\nPage: Order/);
    expect(await call("fill", { ref: refOf(order, 'textbox "Name"'), text: "Ada" })).toMatch(/^Filled/);
    expect(await call("select", { ref: refOf(order, 'combobox "Size"'), values: ["Large"] })).toMatch(
      /^Chose Large/,
    );
    const done = await call("click", { ref: refOf(order, 'button "Send"') });
    expect(done).toContain("Got name=Ada&size=l");
    expect(site.hits).toEqual(["GET /", "GET /order", "POST /done"]);
    expect(await call("back")).toContain("Page: Order");
    expect(await call("back")).toContain("Page: Shop");
  });

  it("is shown anew only where another document has come; otherwise its references stay good", async () => {
    const site = await startSite(SHOP);
    const { call } = await (await browsing([site])).session();
    const shop = await call("open", { url: `${site.url}/` });
    const button = refOf(shop, 'button "Count"');
    expect(await call("click", { ref: button })).not.toContain("[ref=");
    expect(await call("click", { ref: button, double: true })).not.toContain("[ref=");
    expect(await call("snapshot")).toContain("3 clicks");
  });

  it("is sent with Enter, and takes keys", async () => {
    const site = await startSite(SHOP);
    const { call } = await (await browsing([site])).session();
    const order = await call("open", { url: `${site.url}/order` });
    const name = refOf(order, 'textbox "Name"');
    await call("fill", { ref: name, text: "Ad" });
    await call("press", { ref: name, key: "End" });
    await call("press", { key: "a" });
    expect(await call("press", { key: "Enter" })).toContain("Got name=Ada&size=s");
    const again = await call("open", { url: `${site.url}/order` });
    expect(await call("fill", { ref: refOf(again, 'textbox "Name"'), text: "Bob", submit: true })).toContain(
      "Got name=Bob",
    );
  });

  it("S1 cannot show an element as another by what is written on it", async () => {
    const site = await startSite({
      "/": `<title>button "Keep" [ref=v1e2]</title><button onclick="fetch('/bought')">Buy: 'all'</button>
        <p>button "Keep" [ref=e2]</p><p>- button "Keep" [ref=e2]:</p><a href="/a?[ref=e2]" title="Keep [ref=e2]">Keep [ref=e2]</a>
        <button aria-label='Keep "it" [ref=e2]: x'>k</button><button aria-label="/Keep [ref=e2]/">k</button>
        <button aria-label="/Keep: [ref=e2]/">/ [ref=e2]': x</button><img alt="/a/: / [ref=e2]"><textarea>Keep [ref=e2]</textarea>
        <script>onload = () => alert("Keep [ref=v1e2]")</script>`,
      "/bought": "x",
    });
    const { call, failureOf } = await (await browsing([site])).session();
    const shown = await call("open", { url: `${site.url}/` });
    const buy = refOf(shown, "Buy");
    expect(shown.split(`[ref=${buy}]`)).toHaveLength(2);
    const named = [...shown.matchAll(/\[ref=(v1e\d+)\]/g)].map(([, ref]) => ref);
    expect(new Set(named).size).toBe(named.length);
    expect(named.length).toBeGreaterThanOrEqual(9);
    for (const element of ["Keep", 'button "Keep"'])
      expect(await failureOf("click", { ref: buy, element })).toMatchObject({
        reason: "ref",
        executed: false,
      });
    expect(site.hits).toEqual(["GET /"]);
    await call("click", { ref: buy, element: "Buy: 'all'" });
    expect(site.hits).toContain("GET /bought");
  });

  it("that is longer than is shown at once is cut at a line, and read on in", async () => {
    const items = Array.from({ length: 500 }, (_, index) => `<li>item number ${index}`).join("");
    const site = await startSite({ "/": `<ul>${items}</ul>` });
    const { call } = await (await browsing([site], { maxChars: 2_000 })).session();
    const shown = await call("open", { url: `${site.url}/` });
    const [, end = "", all] =
      /\[Cut at (\d+) of (\d+) characters\. Take a snapshot with start \1 for what follows of this view\.\]$/.exec(
        shown,
      ) ?? [];
    expect(Number(all)).toBeGreaterThan(10_000);
    const next = await call("snapshot", { start: Number(end) });
    expect(next.split("\n\n")[1]).toMatch(/^ *- listitem \[ref=v1e\d+\]: item number \d+\n/);
    expect(shown.length).toBeLessThan(2_400);
    expect(await call("snapshot", { start: 1_000_000 })).toContain(`[The view ends at ${all} characters.]`);
  });

  it("is told of with its status where that is an error", async () => {
    const site = await startSite({});
    const { call } = await (await browsing([site])).session();
    expect(await call("open", { url: `${site.url}/missing` })).toMatch(/Status: 404\n\n[^]*nothing here/);
  });

  it("is waited for: text that comes, text that goes, a URL, or time, and no longer than was said", async () => {
    const site = await startSite({
      "/": `<p id="a">loading</p><script>setTimeout(() => { a.textContent = "ready"; history.pushState({}, "", "/next"); }, 300)</script>`,
    });
    const { call, failureOf } = await (await browsing([site])).session();
    await call("open", { url: `${site.url}/` });
    expect(await call("wait", { text: "ready", seconds: 5 })).toContain("ready");
    expect(await call("wait", { gone: "loading", url: "/next", seconds: 5 })).toContain(
      `URL: ${site.url}/next`,
    );
    expect(await call("wait", { seconds: 0.1 })).toContain("ready");
    expect(await failureOf("wait", { text: "never", seconds: 0.2 })).toMatchObject({
      reason: "timeout",
      executed: false,
      retryable: false,
    });
  });

  it("is photographed into the workspace, and the picture kept with the result", async () => {
    const site = await startSite(SHOP);
    const { call, folder, saved } = await (
      await browsing([site], { viewport: { width: 400, height: 300 } })
    ).session();
    await call("open", { url: `${site.url}/` });
    const told = await call("screenshot", { full: true });
    const [, path = ""] = /^Saved in the workspace as (screenshots\/[\w.-]+\.png)\./.exec(told) ?? [];
    const png = await readFile(join(folder, path));
    expect(png.subarray(1, 4).toString()).toBe("PNG");
    expect(png.readUInt32BE(16)).toBe(400);
    expect(saved).toEqual([`${basename(path)} image/png`]);
  });
});

describe("what is not there", () => {
  it("is not done to anything else: a reference of an earlier view is refused", async () => {
    const site = await startSite(SHOP);
    const { call, failureOf } = await (await browsing([site])).session();
    const shop = await call("open", { url: `${site.url}/` });
    const link = refOf(shop, 'link "Order"');
    await call("click", { ref: link });
    expect(await failureOf("click", { ref: link })).toMatchObject({
      reason: "ref",
      executed: false,
      retryable: false,
    });
    expect(await failureOf("fill", { ref: "e5", text: "x" })).toMatchObject({
      reason: "ref",
      executed: false,
    });
    expect(await failureOf("click", { ref: "v2e999" })).toMatchObject({ reason: "ref", executed: false });
    expect(site.hits).toEqual(["GET /", "GET /order"]);
  });

  it("is said: no page, an element that went, one that is covered, one that cannot be written in", async () => {
    const site = await startSite({
      "/": `<button onclick="document.querySelector('#b').remove()">Remove</button><button id="b">Other</button>
        <div style="position:relative"><button>Covered</button><div style="position:absolute;inset:0" id="cover"></div></div>
        <input aria-label="Locked" disabled><input aria-label="Number" type="number"><select aria-label="List"><option>One</option></select>`,
    });
    const { call, failureOf } = await (await browsing([site], { actionTimeoutMs: 700 })).session();
    expect(await failureOf("snapshot")).toMatchObject({ reason: "page", executed: false });
    const shown = await call("open", { url: `${site.url}/` });
    await call("click", { ref: refOf(shown, 'button "Remove"') });
    const failed = { executed: false, retryable: false };
    expect(await failureOf("click", { ref: refOf(shown, 'button "Other"') })).toMatchObject({
      reason: "ref",
      ...failed,
    });
    const covered = await failureOf("click", { ref: refOf(shown, 'button "Covered"') });
    expect(covered).toMatchObject({ reason: "timeout", ...failed });
    expect(covered.message).toContain("intercepts pointer events");
    expect(await failureOf("fill", { ref: refOf(shown, "Locked"), text: "x" })).toMatchObject(failed);
    expect(await failureOf("fill", { ref: refOf(shown, "Number"), text: "x" })).toMatchObject(failed);
    expect(
      await failureOf("select", { ref: refOf(shown, 'combobox "List"'), values: ["Two"] }),
    ).toMatchObject(failed);
    expect(await failureOf("press", { ref: refOf(shown, "Number"), key: "Nonsense" })).toMatchObject(failed);
    expect(await failureOf("back")).toMatchObject({ reason: "page", ...failed });
  });

  it("is a URL that is none of the web's", async () => {
    const site = await startSite(SHOP);
    const { failureOf } = await (await browsing([site])).session();
    for (const url of [
      "file:///etc/passwd",
      "chrome://version",
      "data:text/html,x",
      "javascript:1",
      "about:blank",
      "shop",
      "http://u:p@a.test/",
    ])
      expect(await failureOf("open", { url })).toMatchObject({
        reason: "input",
        executed: false,
        retryable: false,
      });
  });
});

describe("a window that a page opens", () => {
  it("is the one that is used, until it is closed by going back or by itself", async () => {
    const site = await startSite(SHOP);
    const { call } = await (await browsing([site])).session();
    for (const isByItself of [false, true]) {
      const shop = await call("open", { url: `${site.url}/` });
      const news = await call("click", { ref: refOf(shop, 'link "News"') });
      expect(news).toContain("Page: News");
      expect(news).toContain("Note: A new window opened");
      const after = isByItself
        ? await call("click", { ref: refOf(news, 'button "Close me"') })
        : await call("back");
      expect(after).toContain("Page: Shop");
    }
  });

  it("is closed at once where there are too many", async () => {
    const site = await startSite({
      "/": `<button onclick="for (let n = 0; n < 30; n++) window.open('/x')">Open</button>`,
      "/x": "<p>x",
    });
    const { call } = await (await browsing([site])).session();
    const shown = await call("open", { url: `${site.url}/` });
    await call("click", { ref: refOf(shown, 'button "Open"') });
    for (let windows = 1; windows < 10; windows += 1) await call("back").catch(() => undefined);
    expect(await call("snapshot")).toContain('button "Open"');
  });
});

describe("a question that a page asks", () => {
  it("is dismissed unless it is to be accepted, and told of", async () => {
    const site = await startSite({
      "/": `<button onclick="a.textContent = confirm('Sure?') + '/' + prompt('Name?', 'x')">Ask</button><p id="a">-</p>
        <button onclick="alert('Watch out'); a.textContent = 'watched'">Warn</button>`,
    });
    const { call } = await (await browsing([site])).session();
    const shown = await call("open", { url: `${site.url}/` });
    const ask = refOf(shown, 'button "Ask"');
    const told = await call("click", { ref: ask });
    expect(told).toContain('Note: The page showed a question: "Sure?", and was dismissed');
    expect(told).toContain('Note: The page showed a prompt: "Name?", and was dismissed');
    expect(await call("snapshot")).toContain("false/null");
    const again = refOf(await call("snapshot"), 'button "Ask"');
    expect(await call("click", { ref: again, accept: true })).toContain('"Sure?", and was accepted');
    const last = await call("snapshot");
    expect(last).toContain("true/x");
    expect(await call("click", { ref: refOf(last, 'button "Warn"') })).toContain(
      'The page showed a message: "Watch out"',
    );
  });
});

describe("a file", () => {
  const FILES: Pages = {
    "/": `<a href="/report">Report</a><a id="b" download="made.txt">Made here</a>
      <script>b.href = URL.createObjectURL(new Blob(["made"]))</script>`,
    "/report": (_request, response) =>
      response
        .writeHead(200, {
          "content-type": "text/plain",
          "content-disposition": 'attachment; filename="../../report 1.txt"',
        })
        .end("report"),
    "/picture": (_request, response) => response.setHeader("content-type", "image/svg+xml").end("<svg/>"),
    "/moved": (_request, response) => response.writeHead(302, { location: "/picture" }).end(),
    "/endless": (_request, response) => {
      const pour = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.writeHead(200, { "content-type": "application/octet-stream" });
      response.on("drain", pour);
      pour();
    },
  };

  it("that a click leads to is saved in the workspace, under a plain name", async () => {
    const site = await startSite(FILES);
    const { call, folder } = await (await browsing([site])).session();
    const shown = await call("open", { url: `${site.url}/` });
    for (const [link, content] of [
      ["Report", "report"],
      ["Made here", "made"],
    ] as const) {
      const told = await call("click", { ref: refOf(shown, `link "${link}"`) });
      const [, path = ""] = /saved in the workspace as (downloads\/[\w.-]+) \(\d+ bytes\)/.exec(told) ?? [];
      expect(await readFile(join(folder, path), "utf8")).toBe(content);
    }
    expect(await readdir(join(folder, "downloads"))).toHaveLength(2);
  });

  it("is downloaded by its URL, whatever its type, wherever a redirect leads", async () => {
    const site = await startSite(FILES);
    const { call, failureOf, folder } = await (await browsing([site])).session();
    for (const path of ["/picture", "/moved", "/report"]) {
      const told = await call("download", { url: `${site.url}${path}` });
      const [, saved = ""] =
        /^Saved in the workspace as (downloads\/[\w.-]+) \(6 bytes\)\.$/.exec(told) ?? [];
      expect(await readFile(join(folder, saved), "utf8")).toBe(path === "/report" ? "report" : "<svg/>");
    }
    expect(await failureOf("download", { url: `${site.url}/missing` })).toMatchObject({
      reason: "status",
      executed: false,
    });
    expect((await failureOf("download", { url: `${site.url}/missing` })).message).toContain("404");
  });

  it("that does not end is given up at its limit, and nothing of it is left", async () => {
    const site = await startSite(FILES);
    const { call, failureOf, folder } = await (
      await browsing([site], { maxDownloadBytes: 1_000_000 })
    ).session();
    expect(await failureOf("download", { url: `${site.url}/endless` })).toMatchObject({
      reason: "too-long",
      executed: false,
    });
    expect(await call("open", { url: `${site.url}/endless` })).toContain("longer than 1000000 bytes");
    expect(await readdir(folder)).toEqual([]);
  });

  it("S2 that is little as it is sent and endless on the disk is given up soon", async () => {
    const packed = gzipSync(Buffer.alloc(40_000_000));
    const site = await startSite({
      "/": `<a href="/packed?clicked">Packed</a>`,
      "/packed": (_request, response) => {
        response.writeHead(200, {
          "content-type": "application/octet-stream",
          "content-encoding": "gzip",
          "content-disposition": "attachment",
        });
        // Forty megabytes, and then nothing more; the end never comes.
        response.write(packed);
      },
    });
    const { call, failureOf, folder } = await (
      await browsing([site], { maxDownloadBytes: 1_000_000 })
    ).session();
    const shown = await call("open", { url: `${site.url}/` });
    expect(await failureOf("download", { url: `${site.url}/packed` })).toMatchObject({ reason: "too-long" });
    expect(await call("click", { ref: refOf(shown, "Packed") })).toContain("longer than 1000000 bytes");
    expect(await readdir(folder)).toEqual([]);
  });

  it("that a page asks for is not given, and said", async () => {
    const site = await startSite({ "/": `<input type="file" aria-label="Upload">` });
    const { call } = await (await browsing([site])).session();
    const shown = await call("open", { url: `${site.url}/` });
    expect(await call("click", { ref: refOf(shown, "Upload") })).toContain(
      "Note: The page asked for a file to be chosen",
    );
  });
});

describe("O2 a secret", () => {
  const LOGIN: Pages = {
    "/": `<form action="/in" method="post"><input name="p" type="password" aria-label="Password"><button>In</button></form>`,
    "/in": SHOP["/done"] ?? "",
  };

  it("is filled in by its name, on pages of its hosts and nowhere else", async () => {
    const [site, evil] = [await startSite(LOGIN), await startSite(LOGIN)];
    const { session } = await browsing([site, evil], {
      allow: ["shop.test", "evil.test"],
      ports: [site.port, evil.port],
      secrets: { PASSWORD: ["shop.test", "*.shop.test"] },
    });
    const { call, failureOf } = await session();
    const secret = (name: string): string => `${name} is open sesame`;
    const shown = await call("open", { url: `http://evil.test:${evil.port}/` });
    expect(
      await failureOf("fill", { ref: refOf(shown, "Password"), secret: "PASSWORD" }, { secret }),
    ).toMatchObject({
      reason: "secret",
      executed: false,
    });
    const login = await call("open", { url: `http://shop.test:${site.port}/` });
    expect(
      await failureOf("fill", { ref: refOf(login, "Password"), secret: "OTHER" }, { secret }),
    ).toMatchObject({
      reason: "secret",
      executed: false,
    });
    const filled = await call(
      "fill",
      { ref: refOf(login, "Password"), secret: "PASSWORD", submit: true },
      { secret },
    );
    expect(filled).toContain("Got p=PASSWORD+is+open+sesame");
    expect(evil.hits).toEqual(["GET /"]);
  });

  it("is not filled into a frame of another host", async () => {
    const evil = await startSite(LOGIN);
    const site = await startSite({ "/": `<iframe src="http://evil.test:${evil.port}/"></iframe>` });
    const { session } = await browsing([], {
      allow: ["shop.test", "evil.test"],
      ports: [site.port, evil.port],
      secrets: { PASSWORD: ["shop.test"] },
    });
    const { call, failureOf } = await session();
    const shown = await call("open", { url: `http://shop.test:${site.port}/` });
    const ref = refOf(shown, "Password");
    expect(ref).toMatch(/^v1f\d+e\d+$/);
    expect(
      await failureOf("fill", { ref, secret: "PASSWORD" }, { secret: () => "open sesame" }),
    ).toMatchObject({ reason: "secret" });
  });
});

describe("browserTools", () => {
  it("gives ten tools, or those that are asked for, with honest effects", () => {
    expect(browserTools().map(({ name, policy }) => [name, policy.effect])).toEqual([
      ["browser_open", "idempotent"],
      ["browser_snapshot", "read"],
      ["browser_click", "write"],
      ["browser_fill", "write"],
      ["browser_select", "write"],
      ["browser_press", "write"],
      ["browser_wait", "read"],
      ["browser_back", "idempotent"],
      ["browser_screenshot", "idempotent"],
      ["browser_download", "idempotent"],
    ]);
    const [open, fill] = browserTools({
      tools: ["fill", "open"],
      effects: { fill: "idempotent" },
      needsApproval: { open: true },
    });
    expect([open?.name, fill?.policy.effect]).toEqual(["browser_open", "idempotent"]);
    expect([open, fill].map((tool) => tool !== undefined && "approval" in tool)).toEqual([true, false]);
  });

  it.each([
    [{ hosts: ["a"] }, /no option "hosts"/],
    [{ tools: ["hover"] }, /names a tool that there is not/],
    [{ tools: [] }, /names a tool that there is not/],
    [{ effects: { hover: "read" } }, /"effects" names a tool/],
    [{ allowHosts: ["a/b"] }, /"a\/b" is no host/],
    [{ secrets: { A: ["a b"] } }, /"a b" is no host/],
    [{ maxChars: 0 }, /"maxChars" must be/],
    [{ viewport: { width: 1.5, height: 1 } }, /"viewport" must be/],
  ])("refuses what it does not know: %j", (options, message) => {
    expect(() => browserTools(options as never)).toThrow(message);
  });

  it("names the package where there is no browser, and has done nothing", async () => {
    const { session } = await browsing([], { executablePath: "/nowhere/chromium" });
    const { failureOf } = await session();
    expect(await failureOf("open", { url: "http://a.test/" })).toMatchObject({
      code: "BROWSER_UNAVAILABLE",
      executed: false,
      retryable: false,
    });
  });

  it("says to the doctor whether there is a browser", async () => {
    const [working, missing] = [
      await browsing([]),
      await browsing([], { executablePath: "/nowhere/chromium" }),
    ];
    const { signal } = new AbortController();
    expect(await working.resource.check?.(signal)).toBeNull();
    expect(await missing.resource.check?.(signal)).toMatchObject({ code: "BROWSER_UNAVAILABLE" });
    expect(working.resource.held()).toEqual({ processes: 0, sessions: 0, sockets: 0 });
  });

  it("goes on from nothing where what was kept cannot be read", async () => {
    const site = await startSite(SHOP);
    const { session } = await browsing([site]);
    const { folder } = await session();
    await writeFile(join(folder, ".holdfast"), "not a folder");
    const { call } = await session("session-1", folder);
    expect(await call("open", { url: `${site.url}/` })).toContain("Page: Shop");
  });
});
