/** What a browser holds is let go of: with the session, with the runtime, and with the process, however that ends. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import {
  browserProcesses,
  browsing,
  commandOf,
  descendantsOf,
  refOf,
  startSite,
  temporary,
  type Pages,
} from "./browser-tools.fixture.ts";
import { testBrowser } from "./test-browser.fixture.ts";

const ACCOUNT: Pages = {
  "/": (request, response) =>
    response.setHeader("content-type", "text/html").end(
      `<title>Account</title><p>${request.headers.cookie ?? "nobody"}</p><p id="s"></p><a href="/in">Log in</a>
      <script>s.textContent = "stored " + localStorage.theme</script>`,
    ),
  "/in": (_request, response) =>
    response
      .writeHead(200, { "content-type": "text/html", "set-cookie": "user=ada; Path=/; HttpOnly" })
      .end(`<title>In</title><p>welcome</p><script>localStorage.theme = "dark"</script>`),
};

describe("S3 a session that rests", () => {
  it("holds nothing, and has its cookies, storage and page again when it goes on", async () => {
    const site = await startSite(ACCOUNT);
    const { session, resource } = await browsing([site]);
    const { call, folder, failureOf } = await session();
    const shown = await call("open", { url: `${site.url}/` });
    expect(shown).toMatch(/nobody[^]*stored undefined/);
    const link = refOf(shown, 'link "Log in"');
    expect(await call("click", { ref: link })).toContain("welcome");
    await call("open", { url: `${site.url}/` });
    await resource.rest("session-1");
    expect(resource.held()).toEqual({ processes: 0, sessions: 0, sockets: 0 });
    expect(await browserProcesses()).toEqual([]);
    expect((await stat(join(folder, ".holdfast/browser.json"))).mode & 0o777).toBe(0o600);
    const again = await call("snapshot");
    expect(again).toMatch(
      /Note: The browser had been closed\. The page was loaded again from .*[^]*user=ada[^]*stored dark/,
    );
    expect(await failureOf("click", { ref: link })).toMatchObject({ reason: "ref", executed: false });
  });

  it("goes on in another process, by what is in its workspace", async () => {
    const site = await startSite(ACCOUNT);
    const first = await browsing([site]);
    const { call, folder } = await first.session();
    await call("open", { url: `${site.url}/in` });
    await first.resource.close();
    const second = await browsing([site]);
    const there = await second.session("session-1", folder);
    expect(await there.call("open", { url: `${site.url}/` })).toMatch(/user=ada[^]*stored dark/);
    const elsewhere = await second.session("session-2");
    expect(await elsewhere.call("open", { url: `${site.url}/` })).toMatch(/nobody[^]*stored undefined/);
  });

  it("begins anew where what was kept was spoilt, whatever is in it", async () => {
    const site = await startSite(ACCOUNT);
    const { session, resource } = await browsing([site]);
    const { call, folder } = await session();
    await call("open", { url: `${site.url}/in` });
    for (const spoilt of [
      "",
      "{",
      "[]",
      '{"url":1,"storage":{}}',
      '{"url":"file:///etc/passwd","storage":{"cookies":[],"origins":[{"origin":"x","localStorage":[]}]}}',
    ]) {
      await resource.rest("session-1");
      await writeFile(join(folder, ".holdfast/browser.json"), spoilt);
      expect(await call("open", { url: `${site.url}/` })).toContain("nobody");
    }
  });

  it("lets the others go on", async () => {
    const site = await startSite(ACCOUNT);
    const { session, resource } = await browsing([site]);
    const [one, two] = [await session("one"), await session("two")];
    await one.call("open", { url: `${site.url}/` });
    await two.call("open", { url: `${site.url}/` });
    await Promise.all([resource.rest("one"), two.call("snapshot"), resource.rest("nobody")]);
    expect(resource.held()).toMatchObject({ processes: 1, sessions: 1 });
    // A call that comes while its session is being let go of opens anew.
    const [, told] = await Promise.all([resource.rest("two"), two.call("snapshot")]);
    expect(told).toContain("Account");
  });
});

describe("E4 a call that waited for somebody while its session rested", () => {
  const FORM: Pages = {
    "/": `<title>Form</title><label>Name <input name="n"></label><button onclick="fetch('/sent?' + document.querySelector('input').value)">Send</button><button>Other</button>`,
    "/changes": (_request, response) => {
      visits += 1;
      response.setHeader("content-type", "text/html").end(`<p>visit ${visits}</p><button>Send</button>`);
    },
    "/sent": "sent",
  };
  let visits = 0;

  it("is done where the page shows what it showed, with the fields that it names", async () => {
    const site = await startSite(FORM);
    const { session, resource } = await browsing([site]);
    const { call, failureOf } = await session();
    const shown = await call("open", { url: `${site.url}/` });
    const [name, send] = [refOf(shown, 'textbox "Name"'), refOf(shown, 'button "Send"')];
    await resource.rest("session-1");
    expect(await failureOf("click", { ref: send, element: 'button "Other"' })).toMatchObject({
      reason: "ref",
      executed: false,
    });
    const fields = [{ ref: name, text: "Ada" }];
    expect(await call("click", { ref: send, element: 'button "Send"', fields })).toContain("Filled");
    expect(site.hits).toContain("GET /sent?Ada");
  });

  it("is refused, with nothing done, where the page shows something else or what was typed is gone", async () => {
    const site = await startSite(FORM);
    const { session, resource } = await browsing([site]);
    const { call, failureOf } = await session();
    const changing = await call("open", { url: `${site.url}/changes` });
    await resource.rest("session-1");
    const refused = { reason: "ref", executed: false, retryable: false };
    expect(await failureOf("click", { ref: refOf(changing, 'button "Send"') })).toMatchObject(refused);
    const shown = await call("open", { url: `${site.url}/` });
    await call("fill", { ref: refOf(shown, 'textbox "Name"'), text: "Ada" });
    const filled = await call("snapshot");
    expect(filled).toContain("Ada");
    await resource.rest("session-1");
    expect(await failureOf("click", { ref: refOf(filled, 'button "Send"') })).toMatchObject(refused);
    expect(site.hits.filter((hit) => hit.includes("/sent"))).toEqual([]);
  });
});

const SESSIONS = 100;

it(`R4 nothing is left of ${SESSIONS} sessions`, async () => {
  const site = await startSite(ACCOUNT);
  // Tests beside this one have folders among the usual temporary ones.
  vi.stubEnv("TMPDIR", await temporary());
  onTestFinished(() => void vi.unstubAllEnvs());
  const { session, resource } = await browsing([site]);
  const folders = async (): Promise<number> =>
    (await readdir(tmpdir())).filter((name) => /^(?:playwright|holdfast-browser-[^t])/.test(name)).length;
  const before = { folders: await folders(), descriptors: (await readdir("/proc/self/fd")).length };
  const shared = await temporary();
  const visit = async (index: number): Promise<void> => {
    const { call } = await session(`session-${index}`, join(shared, String(index % 10)));
    await call("open", { url: `${site.url}/` });
    if (index % 2 === 0) await resource.rest(`session-${index}`);
  };
  for (let index = 0; index < SESSIONS; index += 10)
    await Promise.all(Array.from({ length: 10 }, (_, more) => visit(index + more)));
  expect(resource.held()).toMatchObject({ processes: 1, sessions: SESSIONS / 2 });
  await resource.close();
  await resource.close();
  expect(resource.held()).toEqual({ processes: 0, sessions: 0, sockets: 0 });
  expect(await browserProcesses()).toEqual([]);
  expect((await readdir("/proc/self/fd")).length).toBeLessThanOrEqual(before.descriptors + 3);
  expect(await folders()).toBe(before.folders);
});

const PROGRAM = `
  const { browserTools } = await import(process.argv[5]);
  const [executablePath, url, at, folder] = process.argv.slice(1);
  const [open] = browserTools({ executablePath, allow: [at] });
  const silent = () => {};
  const told = await open.execute({ url }, {
    session: { id: "s" }, idempotencyKey: "k", signal: new AbortController().signal,
    workspace: { path: async () => folder }, log: { debug: silent, info: silent, warn: silent, error: silent },
  });
  console.log(told.includes("Account") ? "ready" : told);
  setInterval(silent, 1_000);
`;

describe("R3 the browser ends with the process that started it", () => {
  it.each(["SIGKILL", "SIGTERM", "SIGINT"] as const)("by %s", async (signal) => {
    const site = await startSite(ACCOUNT);
    const args = [
      "--disable-warning=ExperimentalWarning",
      "--conditions=holdfast-source",
      "--input-type=module",
      "--eval",
      PROGRAM,
    ];
    const child = spawn(
      process.execPath,
      [
        ...args,
        await testBrowser(),
        `${site.url}/`,
        site.at,
        await temporary(),
        pathToFileURL(join(import.meta.dirname, "browser-tools.ts")).href,
      ],
      {
        cwd: join(import.meta.dirname, "../../../../../examples/docs"),
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    onTestFinished(() => void child.kill("SIGKILL"));
    const [said] = (await once(child.stdout, "data")) as [unknown];
    expect(String(said)).toBe("ready\n");
    const below = await descendantsOf(child.pid ?? 0);
    expect(below.length).toBeGreaterThan(3);
    const commands = await Promise.all(below.map(commandOf));
    const [profile = ""] = commands.flatMap(
      (text) => /--user-data-dir=(\/[^\0 ]*profile-\w+)/.exec(text)?.[1] ?? [],
    );
    expect(existsSync(profile)).toBe(true);
    child.kill(signal);
    await once(child, "exit");
    const left = async (): Promise<readonly string[]> =>
      [existsSync(profile) ? profile : "", ...(await Promise.all(below.map(commandOf)))].filter(Boolean);
    for (let looks = 0; looks < 20_000 && (await left()).length > 0; looks += 1);
    expect(await left()).toEqual([]);
  });
});
