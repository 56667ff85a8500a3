import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "vitest";
import type { MemoryStore } from "../../ports/memory-store.ts";
import { memoryStoreContract } from "../../testing/conformance/memory-store.ts";
import { findPostgres, type PostgresServer, startPostgres } from "../../testing/postgres-server.fixture.ts";
import { createPostgresMemory, type PostgresMemoryOptions } from "./postgres-memory.ts";

const programs = await findPostgres();
const NOW = 1_700_000_000_000;
const ANN = { tenant: "acme", user: "ann", agent: null, session: "ses_1" };
const SCOPE = { tenant: "acme", user: "ann", agent: null, session: null, namespace: "" };

// Skipped where npm brings no Postgres for this machine.
describe.skipIf(programs === null)("the memory in Postgres", () => {
  let server: PostgresServer;
  let schemas = 0;
  const urlOf = (): string => `postgres://postgres:postgres@127.0.0.1:${server.port}/shop`;
  const freshSchema = (): string => `memory_${(schemas += 1)}`;
  const open = (options: Partial<PostgresMemoryOptions> = {}): Promise<MemoryStore> =>
    createPostgresMemory({ url: urlOf(), schema: freshSchema(), ...options });

  beforeAll(async () => {
    if (programs !== null) server = await startPostgres(programs);
  }, 60_000);
  afterAll(() => server?.stop());

  const contract = memoryStoreContract({
    open: async () => {
      const schema = freshSchema();
      const opened: MemoryStore[] = [];
      const attach = async (): Promise<MemoryStore> => {
        const memory = await open({ schema, maxConnections: 4 });
        opened.push(memory);
        return memory;
      };
      const memory = await attach();
      return {
        memory,
        reopen: async () => {
          await memory.close();
          return attach();
        },
        attach,
        // What the tables hold: its files are the server's, which forgets deleted rows when it vacuums.
        bytes: async () => {
          const texts: string[] = [];
          for (const table of ["parts", "records", "postings", "vectors", "answers", "counters"]) {
            const sql = `SELECT row_to_json(t)::text AS text FROM ${schema}.${table} t`;
            texts.push(...(await server.ask<{ text: string }>(sql)).rows.map(({ text }) => text));
          }
          return texts.join("\n");
        },
        dispose: async () => {
          for (const each of opened) await each.close();
          await server.ask(`DROP SCHEMA ${schema} CASCADE`);
        },
      };
    },
  });
  for (const { promise, title, run } of contract) it(`${promise}: ${title}`, run, 120_000);

  const addOf = (text: string) => ({
    do: "add" as const,
    memory: { scope: SCOPE, kind: "episode" as const, text, origin: "user" as const },
  });

  it("K4, K5: forty writers of the same keys from four processes' pools do each once", async () => {
    const schema = freshSchema();
    const memories = await Promise.all(Array.from({ length: 4 }, () => open({ schema, maxConnections: 3 })));
    const answers = await Promise.all(
      [...Array(10).keys()].flatMap((number) =>
        memories.map((memory) =>
          memory.write({ by: ANN, key: `key ${number}`, now: NOW, changes: [addOf(`walk ${number}`)] }),
        ),
      ),
    );
    strictEqual(new Set(answers.map((answer) => JSON.stringify(answer))).size, 10);
    const { records } = (await memories[0]?.list({ reader: ANN, limit: 100 })) ?? { records: [] };
    strictEqual(records.length, 10);
    for (const memory of memories) await memory.close();
  });

  it("finds by vectors as well, and keeps them when a record moves", async () => {
    const embed = async (texts: readonly string[]): Promise<readonly (readonly number[])[]> =>
      texts.map((text) => (/boat|ship/.test(text) ? [1, 0, 0] : [0, 1, 0]));
    const memory = await open({ embedding: { model: "tiny", embed } });
    await memory.write({ by: ANN, key: null, now: NOW, changes: [addOf("a boat"), addOf("a house")] });
    const search = async (): Promise<readonly string[]> =>
      (await memory.search({ viewer: ANN, text: "ship", now: NOW })).map(({ record }) => record.text);
    strictEqual((await search())[0], "a boat");
    const [first] = (await memory.list({ reader: ANN, limit: 2 })).records.toReversed();
    const changes = [
      { do: "supersede" as const, id: first?.id ?? "", text: "a big boat", origin: "user" as const },
    ];
    await memory.write({ by: ANN, key: null, now: NOW, changes });
    strictEqual((await search())[0], "a big boat");
    await memory.close();
  });

  it("answers with a typed failure while the server is gone, and goes on when its connections were cut", async () => {
    const schema = freshSchema();
    const memory = await open({ schema });
    await memory.write({ by: ANN, key: "one", now: NOW, changes: [addOf("before")] });
    await server.ask(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast-memory'",
    );
    const again = await memory
      .write({ by: ANN, key: "one", now: NOW, changes: [addOf("before")] })
      .catch(() => memory.write({ by: ANN, key: "one", now: NOW, changes: [addOf("before")] }));
    strictEqual(again[0]?.status, "added");
    strictEqual((await memory.list({ reader: ANN, limit: 9 })).records.length, 1);
    await memory.close();
    await rejects(memory.list({ reader: ANN, limit: 9 }), { code: "RUNTIME_CLOSED" });
    await rejects(createPostgresMemory({ url: "postgres://postgres:x@127.0.0.1:1/shop" }), {
      code: "STORE_UNAVAILABLE",
    });
    await rejects(open({ url: urlOf().replace("postgres:postgres", "postgres:wrong") }), {
      code: "STORE_UNAVAILABLE",
    });
  });

  it("refuses what is no name of a schema, tables of another version, and a URL of something else", async () => {
    await rejects(open({ schema: 'x"; DROP TABLE y' }), { code: "OPTION_INVALID" });
    await rejects(open({ url: "mysql://localhost/x" }), { code: "OPTION_INVALID" });
    const schema = freshSchema();
    await (await open({ schema })).close();
    await server.ask(`UPDATE ${schema}.format SET version = 99`);
    await rejects(open({ schema }), { code: "STORE_FORMAT_UNSUPPORTED" });
  });

  it("needs no right to make a schema where it has one", async () => {
    const schema = freshSchema();
    await server.ask("CREATE ROLE keeper LOGIN PASSWORD 'keeper'");
    await rejects(open({ schema, url: urlOf().replace("postgres:postgres", "keeper:keeper") }), {
      code: "STORE_UNAVAILABLE",
      hint: /may not make tables/,
    });
    await server.ask(`CREATE SCHEMA ${schema} AUTHORIZATION keeper`);
    const memory = await open({ schema, url: urlOf().replace("postgres:postgres", "keeper:keeper") });
    const [answer] = await memory.write({ by: ANN, key: null, now: NOW, changes: [addOf("a walk")] });
    strictEqual(answer?.status, "added");
    await memory.close();
  });

  it("is made by ten that come at once", async () => {
    const schema = freshSchema();
    const memories = await Promise.all(Array.from({ length: 10 }, () => open({ schema, maxConnections: 1 })));
    for (const memory of memories) await memory.close();
    const { rows } = await server.ask<{ count: string }>(`SELECT count(*) AS count FROM ${schema}.format`);
    deepStrictEqual(rows, [{ count: "1" }]);
  });

  it("K10: a sweep takes thousands of several tenants, and leaves the rest", async () => {
    const memory = await open();
    for (const tenant of ["one", "two", null]) {
      const by = { ...ANN, tenant };
      const changes = Array.from({ length: 700 }, (_, at) => ({
        do: "add" as const,
        memory: {
          ...addOf(`walk ${at}`).memory,
          scope: { ...SCOPE, tenant },
          expiresAt: at < 690 ? NOW : null,
        },
      }));
      await memory.write({ by, key: null, now: NOW, changes });
    }
    strictEqual(await memory.sweep({ now: NOW }), 3 * 690);
    const { records } = await memory.list({ reader: { operatorOf: "one" }, limit: 100 });
    ok(records.length === 10);
    await memory.close();
  });
});
