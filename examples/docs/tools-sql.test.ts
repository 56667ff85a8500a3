/** The analyst of the documents, over a real database. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { createRuntime } from "holdfast";
import { scriptedModel, type ScriptedToolCall } from "holdfast/testing";
import { defineAnalyst, defineClerk, makeShopTools } from "./tools-sql.ts";

const shopIn = async (): Promise<{ readonly folder: string; readonly file: string }> => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-sql-example-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "shop.db");
  const database = new DatabaseSync(file);
  database.exec(`
    CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, card TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, cents INTEGER);
    INSERT INTO customers VALUES (1, 'Ann', '4111');
    INSERT INTO orders VALUES (1, 1, 500), (2, 1, 700);
  `);
  database.close();
  return { folder, file };
};

test("docs/tools-sql.md: the analyst looks, is refused what it may not see, and answers", async () => {
  const { folder, file } = await shopIn();
  const sql =
    "SELECT name, sum(cents) FROM orders JOIN customers ON customers.id = customer WHERE name = ? GROUP BY 1";
  const turns: readonly ScriptedToolCall[] = [
    { name: "shop_schema", input: {} },
    { name: "shop_query", input: { sql: "SELECT card FROM customers" } },
    { name: "shop_query", input: { sql, params: ["Ann"] } },
  ];
  const told: string[] = [];
  const model = scriptedModel(({ index, messages }) => {
    told.push(JSON.stringify(messages.at(-1)));
    const call = turns[index];
    return call === undefined ? { text: "Ann has spent 12 dollars." } : { toolCalls: [call] };
  });
  const analyst = defineAnalyst(model, file);
  const runtime = await createRuntime({ agents: [analyst], dataDir: join(folder, "data") });
  const outcome = await (await (await runtime.createSession(analyst)).send("What has Ann spent?")).outcome();
  await runtime.close();
  expect(outcome).toMatchObject({ status: "completed", text: "Ann has spent 12 dollars." });
  expect(told[1]).toContain("table orders (id INTEGER not null, customer INTEGER, cents INTEGER)");
  expect(told[1]).not.toContain("card");
  expect(told[2]).toContain("access to customers.card is prohibited");
  expect(told[3]).toContain('"rows":[["Ann",1200]]');
});

test("docs/tools-sql.md: the clerk asks before it changes anything", () => {
  const model = scriptedModel(() => ({ text: "." }));
  const { tools } = defineClerk(model, "postgres://clerk@localhost/shop");
  expect(tools.map((tool) => [tool.name, "approval" in tool])).toEqual([
    ["shop_schema", false],
    ["shop_query", false],
    ["shop_execute", true],
  ]);
});

test("docs/tools-sql.md: a user of MySQL is granted what the tools are told", () => {
  const { owner, tools } = makeShopTools("mysql://assistant@localhost/shop");
  expect(tools.map(({ name }) => name)).toEqual(["shop_schema", "shop_query"]);
  expect(owner).toContain("GRANT SELECT (id, name) ON shop.customers");
});
