import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scriptedModel } from "holdfast/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openRefunds } from "./interceptors.ts";

let dataDir = "";
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "holdfast-interceptors-"));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const model = scriptedModel(({ toolResults }) => {
  const told = toolResults.map(({ output }) => JSON.stringify(output)).join();
  return told === ""
    ? { toolCalls: [{ name: "refund", input: { order: "42", cents: 90_000 } }] }
    : { text: told };
});

it("E4 O2 caps what is refunded, hides the card, and stops a shop", async () => {
  const runtime = await openRefunds(model, dataDir);
  const shop = await runtime.createSession("refunds", { tenant: "shop" });
  const told = JSON.stringify(await (await shop.send("Refund it.")).outcome());
  expect(told).toContain("10000");
  expect(told).toContain("[card]");
  expect(told).not.toContain("4111");
  const frozen = await runtime.createSession("refunds", { tenant: "frozen" });
  const refused = JSON.stringify(await (await frozen.send("Refund it.")).outcome());
  expect(refused).toContain("Refunds are stopped for this shop.");
  await runtime.close();
});
