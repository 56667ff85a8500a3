/** The agents of the documents with a real browser: what they may not reach, and an order that waits for somebody's word. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRuntime, type JsonObject } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { expect, onTestFinished, test } from "vitest";
import { testBrowser } from "../../packages/holdfast/src/tools/browser/test-browser.fixture.ts";
import { callThenTell } from "./harness.ts";
import { defineBuyer, defineReader } from "./tools-browser.ts";

const temporary = async (): Promise<string> => {
  const dataDir = await mkdtemp(join(tmpdir(), "holdfast-docs-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  return dataDir;
};

/** A shop on this machine: who knows the password gets a cookie, and with that may order. */
const startShop = async () => {
  const log: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      log.push(`${request.method} ${request.url} ${body}`.trim());
      const isKnown = request.headers.cookie === "user=clerk";
      const cookie = body === "password=open+sesame" ? { "set-cookie": "user=clerk; Path=/" } : {};
      const page =
        request.url === "/order"
          ? isKnown
            ? "Ordered."
            : "Who are you?"
          : isKnown || "set-cookie" in cookie
            ? `<form method="post" action="/order"><button>Order</button></form>`
            : `<form method="post"><input type="password" name="password" aria-label="Password"></form>`;
      response.writeHead(200, { "content-type": "text/html", ...cookie }).end(`<title>Shop</title>${page}`);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { log, shop: `shop.internal.example:${(server.address() as AddressInfo).port}` };
};

const refIn = (shown: unknown, name: string): string =>
  new RegExp(`${name}[^\\n]*\\[ref=(v\\d+(?:f\\d+)?e\\d+)\\]`).exec(String(shown))?.[1] ?? "none";

test("docs/tools-browser.md: an agent does not open what is inside, whatever its model asks for", async () => {
  const executablePath = await testBrowser();
  const { shop, log } = await startShop();
  for (const url of [
    `http://${shop.replace(/.*:/, "127.0.0.1:")}/`,
    "http://localhost/",
    "http://169.254.169.254/latest/",
  ]) {
    const reader = defineReader(callThenTell("browser_open", { url }), { executablePath });
    await using runtime = await createRuntime({ agents: [reader], dataDir: await temporary() });
    const outcome = await (await (await runtime.createSession(reader)).send("go")).outcome();
    expect("text" in outcome ? outcome.text : "").toMatch(
      /Port \d+ is not opened here|is not on the public internet/,
    );
  }
  expect(log).toEqual([]);
});

test("docs/tools-browser.md: an order waits for somebody, and goes on logged in in another process's browser", async () => {
  const { shop, log } = await startShop();
  const model = scriptedModel(({ toolResults }) => {
    const last = toolResults.at(-1)?.output.value;
    const shown = typeof last === "string" ? last : "";
    const call = (name: string, input: JsonObject) => ({ toolCalls: [{ name: `browser_${name}`, input }] });
    if (shown.includes("Password"))
      return call("fill", { ref: refIn(shown, "Password"), secret: "SHOP_PASSWORD", submit: true });
    if (shown.includes("button"))
      return call("click", { ref: refIn(shown, "Order"), element: 'button "Order"' });
    return shown === "" ? call("open", { url: `http://${shop}/` }) : { text: shown };
  });
  const [dataDir, executablePath] = [await temporary(), await testBrowser()];
  const open = () =>
    createRuntime({
      agents: [defineBuyer(model, { executablePath, shop, lookup: async () => ["127.0.0.1"] })],
      dataDir,
      secrets: { SHOP_PASSWORD: "open sesame" },
    });
  const first = await open();
  const run = await (await first.createSession("buyer", { key: "ada" })).send("Order");
  expect(await run.outcome()).toMatchObject({ status: "suspended" });
  await first.close();
  await using second = await open();
  const session = await second.createSession("buyer", { key: "ada" });
  const again = await second.getRun(run.id);
  const [asked] = await session.pending();
  if (asked?.kind !== "approval") throw new TypeError("nobody was asked");
  await session.decide(asked.approvalId, { verdict: "approve" });
  const outcome = await again.outcome({ until: "settled" });
  expect("text" in outcome ? outcome.text : outcome.status).toContain("Ordered.");
  expect(log.filter((line) => line.startsWith("POST"))).toEqual([
    "POST / password=open+sesame",
    "POST /order",
  ]);
});
