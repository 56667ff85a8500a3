/** What goes wrong with a page or a browser is told in words, in bounded time, and disturbs nobody else. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import {
  browserProcesses,
  browsing,
  commandOf,
  refOf,
  startSite,
  type Answer,
  type Pages,
} from "./browser-tools.fixture.ts";

const silent: Answer = () => undefined;

const PAGES: Pages = {
  "/": "<title>Fine</title><p>fine",
  "/silent": silent,
  "/busy": "<p>before</p><script>for (;;);</script>",
  "/click-to-hang": `<button onclick="for (;;);">Hang</button><button>Fine</button>`,
  "/link-to-silence": `<a href="/silent">Away</a>`,
  "/alerts": "<p>before</p><script>for (;;) alert('again');</script>",
  "/stays": `<button>Stay</button><script>addEventListener("beforeunload", (event) => { event.preventDefault(); event.returnValue = "x"; })</script>`,
  "/streams": (_request, response) =>
    void response.setHeader("content-type", "text/html").write("<title>Slow</title><p>first part"),
  "/eats": "<script>const all = []; for (;;) all.push(new Array(1e6).fill(Math.random()));</script>",
  "/moves": "<p>moves</p><script>setTimeout(() => location.reload(), 30)</script>",
};

const SHORT = { loadTimeoutMs: 1_500, actionTimeoutMs: 1_000 };

const processesOf = async (type: string): Promise<readonly number[]> => {
  const found: number[] = [];
  for (const pid of await browserProcesses()) {
    const command = await commandOf(pid);
    const isMain = command.includes("--remote-debugging-pipe") && !command.includes("--type=");
    if (type === "main" ? isMain : command.includes(`--type=${type}`)) found.push(pid);
  }
  return found;
};

const killAll = async (type: string): Promise<number> => {
  const pids = await processesOf(type);
  for (const pid of pids) process.kill(pid, "SIGKILL");
  return pids.length;
};

describe("a page that hangs", () => {
  it("while it is loaded is given up after its time, and another can be opened", async () => {
    const site = await startSite(PAGES);
    const { call, failureOf } = await (await browsing([site], SHORT)).session();
    expect(await failureOf("open", { url: `${site.url}/silent` })).toMatchObject({
      code: "TOOL_FAILED",
      reason: "network",
      retryable: false,
    });
    expect(await failureOf("open", { url: `${site.url}/busy` })).toMatchObject({
      code: "TOOL_FAILED",
      reason: "timeout",
    });
    expect(await call("open", { url: `${site.url}/` })).toContain("Page: Fine");
  });

  it("when it is clicked has an unknown outcome, once, and disturbs no other session", async () => {
    const site = await startSite(PAGES);
    const { session } = await browsing([site], SHORT);
    const [hung, other] = [await session("hung"), await session("other")];
    const shown = await hung.call("open", { url: `${site.url}/click-to-hang` });
    await other.call("open", { url: `${site.url}/` });
    const failing = hung.failureOf("click", { ref: refOf(shown, 'button "Hang"') });
    expect(await other.call("snapshot")).toContain("fine");
    expect(await failing).toMatchObject({ reason: "timeout", executed: undefined });
    expect(await hung.failureOf("snapshot")).toMatchObject({ reason: "timeout", executed: false });
    expect(await hung.failureOf("press", { key: "Enter" })).toMatchObject({
      reason: "timeout",
      executed: undefined,
    });
    expect(await hung.call("open", { url: `${site.url}/` })).toContain("Page: Fine");
  });

  it("because its server is silent after a click is said to be still loaded", async () => {
    const site = await startSite(PAGES);
    const { call } = await (await browsing([site], SHORT)).session();
    const shown = await call("open", { url: `${site.url}/link-to-silence` });
    const told = await call("click", { ref: refOf(shown, 'link "Away"') });
    expect(told).toMatch(/^Clicked v1e\d+\./);
    expect(told).toContain("Note: The page is still being loaded.");
  });

  it("because it never ends is shown as far as it has come", async () => {
    const site = await startSite(PAGES);
    const { call } = await (await browsing([site], SHORT)).session();
    const shown = await call("open", { url: `${site.url}/streams` });
    expect(shown).toContain("first part");
    expect(shown).toContain("Note: The page is still being loaded.");
  });

  it("with dialogs without end is closed", async () => {
    const site = await startSite(PAGES);
    const { call } = await (await browsing([site], SHORT)).session();
    await call("open", { url: `${site.url}/alerts` }).catch(() => undefined);
    expect(await call("open", { url: `${site.url}/` })).toContain("Page: Fine");
  });

  it("does not keep anybody by asking whether to leave", async () => {
    const site = await startSite(PAGES);
    const { session, resource } = await browsing([site], SHORT);
    const { call } = await session();
    const shown = await call("open", { url: `${site.url}/stays` });
    await call("click", { ref: refOf(shown, 'button "Stay"') });
    expect(await call("open", { url: `${site.url}/` })).toContain("Page: Fine");
    const again = await call("open", { url: `${site.url}/stays` });
    await call("click", { ref: refOf(again, 'button "Stay"') });
    await resource.rest("session-1");
    expect(resource.held()).toEqual({ processes: 0, sessions: 0, sockets: 0 });
  });

  it("does not keep a session from coming to rest, or the browser from being closed", async () => {
    const site = await startSite(PAGES);
    const { session, resource } = await browsing([site], SHORT);
    const [one, two] = [await session("one"), await session("two")];
    for (const { failureOf } of [one, two]) await failureOf("open", { url: `${site.url}/busy` });
    await resource.rest("one");
    expect(resource.held()).toMatchObject({ processes: 1, sessions: 1 });
    await resource.close();
    expect(resource.held()).toEqual({ processes: 0, sessions: 0, sockets: 0 });
    expect(await browserProcesses()).toEqual([]);
  });
});

describe("a page that crashes", () => {
  it("is said, is loaded again by the next call, and leaves other sessions alone", async () => {
    const site = await startSite(PAGES);
    const { session } = await browsing([site]);
    const [one, two] = [await session("one"), await session("two")];
    await one.call("open", { url: `${site.url}/` });
    const before = await processesOf("renderer");
    await two.call("open", { url: `${site.url}/click-to-hang` });
    const waiting = one.failureOf("wait", { text: "never", seconds: 30 });
    for (const pid of before) process.kill(pid, "SIGKILL");
    expect(await waiting).toMatchObject({ code: "TOOL_FAILED", executed: false, retryable: true });
    expect(await one.call("snapshot")).toMatch(
      /Note: The browser had been closed\. The page was loaded again[^]*fine/,
    );
    expect(await two.call("snapshot")).toContain('button "Fine"');
  });

  it("by eating all memory is said too", async () => {
    const site = await startSite(PAGES);
    const { call } = await (await browsing([site])).session();
    const told = await call("open", { url: `${site.url}/eats` }).catch((error: unknown) => String(error));
    expect(told).toMatch(/crashed|closed|failed/);
    expect(await call("open", { url: `${site.url}/` })).toContain("Page: Fine");
  });
});

describe("a browser that is killed", () => {
  it("is said to every session that waits for it, and the next call has another", async () => {
    const site = await startSite(PAGES);
    const { session, resource } = await browsing([site]);
    const [one, two] = [await session("one"), await session("two")];
    await one.call("open", { url: `${site.url}/` });
    await two.call("open", { url: `${site.url}/` });
    const waiting = [one, two].map(({ failureOf }) => failureOf("wait", { text: "never", seconds: 30 }));
    expect(await killAll("main")).toBe(1);
    for (const failure of await Promise.all(waiting))
      expect(failure).toMatchObject({
        code: "TOOL_FAILED",
        reason: "closed",
        executed: false,
        retryable: true,
      });
    for (const { call } of [one, two])
      expect(await call("open", { url: `${site.url}/` })).toContain("Page: Fine");
    expect(resource.held()).toMatchObject({ processes: 1, sessions: 2 });
  });

  it("E2 in the middle of a click leaves its outcome unknown", async () => {
    const site = await startSite(PAGES);
    const { call, failureOf } = await (await browsing([site])).session();
    const shown = await call("open", { url: `${site.url}/click-to-hang` });
    const clicking = failureOf("click", { ref: refOf(shown, 'button "Hang"') });
    // Only the click can make it busy.
    const [renderer = 0] = await processesOf("renderer");
    const ticks = await ticksOf(renderer);
    while ((await ticksOf(renderer)) < ticks + 20);
    await killAll("main");
    expect(await clicking).toMatchObject({ executed: undefined });
  });
});

const ticksOf = async (pid: number): Promise<number> => {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ") 0 0 0 0 0 0 0 0 0 0 0 99999999");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[11]);
};

describe("E5 a call that is given up", () => {
  it("ends at once, and nothing of it happens afterwards", async () => {
    const site = await startSite({
      "/": `<div id="d" style="display:none"><button onclick="fetch('/clicked')">Later</button></div><button onclick="d.style.display = 'block'; setTimeout(() => { d.style.display = 'none' }, 50); setTimeout(() => { d.style.display = 'block' }, 1500)">Show</button>`,
      "/clicked": "x",
    });
    const { call, failureOf } = await (await browsing([site])).session();
    const first = await call("open", { url: `${site.url}/` });
    await call("click", { ref: refOf(first, 'button "Show"') });
    const controller = new AbortController();
    const waiting = failureOf("wait", { text: "never", seconds: 60 }, { signal: controller.signal });
    controller.abort();
    expect(await waiting).toMatchObject({ code: "TOOL_FAILED" });
    expect(await failureOf("snapshot", {}, { signal: controller.signal })).toMatchObject({ executed: false });
    expect(await call("snapshot")).toContain('button "Show"');
    expect(site.hits).not.toContain("GET /clicked");
  });
});

describe("a page that is hard to look at", () => {
  it("is cut where it is very long, and given up where it takes too long", async () => {
    const site = await startSite({
      "/": `<script>document.write("<p>line</p>".repeat(30000))</script>`,
      "/deep": `<script>document.write("<div><span>x</span>".repeat(3000))</script>`,
      "/names": `<title>${"t".repeat(100_000)}</title><button aria-label="${"n".repeat(200_000)}">x</button>`,
    });
    const { call } = await (await browsing([site])).session();
    for (const path of ["/", "/deep", "/names"]) {
      const told = await call("open", { url: `${site.url}${path}` }).catch((error: unknown) => String(error));
      expect(told.length).toBeLessThan(25_000);
    }
    expect(await call("snapshot")).toMatch(/./);
  });

  it("because it is loaded again and again is shown, or said to be so", async () => {
    const site = await startSite(PAGES);
    const { call } = await (await browsing([site], SHORT)).session();
    for (let round = 0; round < 5; round += 1) {
      const told = await call("open", { url: `${site.url}/moves` }).catch((error: unknown) => String(error));
      expect(told).toMatch(/moves|failed/);
    }
    expect(await call("open", { url: `${site.url}/` })).toContain("Page: Fine");
  });
});
