import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { afterAll, beforeAll, describe, it } from "vitest";
import type { StoreError } from "../../core/errors.ts";
import type { MemoryStore } from "../../ports/memory-store.ts";
import { memoryStoreContract } from "../../testing/conformance/memory-store.ts";
import { findPostgres, type PostgresServer, startPostgres } from "../../testing/postgres-server.fixture.ts";
import { startCuttingProxy } from "./cutting-proxy.fixture.ts";
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

  it.each(["repeatable read", "serializable"])(
    "K4, K5: writers of the same at once see what the one before has done, where the server begins with %s",
    async (level) => {
      const schema = freshSchema();
      await server.ask(`ALTER DATABASE shop SET default_transaction_isolation = '${level}'`);
      try {
        const memories = await Promise.all(
          Array.from({ length: 3 }, () => open({ schema, maxConnections: 6 })),
        );
        const fact = { scope: SCOPE, kind: "fact", origin: "user" } as const;
        const changesOf = (number: number) => [
          { do: "add" as const, memory: { ...fact, text: "it is so" } },
          { do: "add" as const, memory: { ...fact, subject: "one", text: `it is ${number}` } },
        ];
        await Promise.all(
          memories.flatMap((memory) =>
            [...Array(20).keys()].map((number) =>
              memory.write({ by: ANN, key: `key ${number}`, now: NOW, changes: changesOf(number) }),
            ),
          ),
        );
        const { records } = (await memories[0]?.list({ reader: ANN, all: true, limit: 100 })) ?? {
          records: [],
        };
        strictEqual(records.length, 1 + 20);
        for (const memory of memories) await memory.close();
      } finally {
        await server.ask("ALTER DATABASE shop RESET default_transaction_isolation");
      }
    },
    60_000,
  );

  it("K12: a kind of which there is little is listed in one look, whatever else there is", async () => {
    const schema = freshSchema();
    const memory = await open({ schema });
    const [first] = await memory.write({
      by: ANN,
      key: null,
      now: NOW,
      changes: [{ do: "add", memory: { ...addOf("x").memory, kind: "preference" } }],
    });
    const changes = Array.from({ length: 999 }, (_, number) => addOf(`walk ${number}`));
    for (let count = 0; count < 5; count += 1)
      await memory.write({ by: ANN, key: null, now: NOW + count, changes });
    for (const reader of [ANN, { operatorOf: "acme" }])
      for (const filter of [
        { kinds: ["preference" as const] },
        { before: NOW + 1, kinds: ["preference" as const] },
        { since: 0.5, before: NOW + 0.5 },
      ]) {
        const { records } = await memory.list({ reader, limit: 1_000, ...filter });
        strictEqual(records.at(-1)?.id, first !== undefined && "id" in first ? first.id : "");
        strictEqual(records.length, "kinds" in filter ? 1 : 1_000);
      }
    deepStrictEqual(
      (await memory.list({ reader: ANN, kinds: ["fact"], namespaces: ["no"], limit: 9 })).records,
      [],
    );
    await memory.close();
  });

  it("K4: a batch of more words than go into one statement is found, and forgotten whole", async () => {
    const schema = freshSchema();
    const memory = await open({ schema });
    const wordsOf = (number: number) => Array.from({ length: 120 }, (_, at) => `w${number}x${at}`).join(" ");
    const changes = Array.from({ length: 1_000 }, (_, number) => addOf(wordsOf(number)));
    const answers = await memory.write({ by: ANN, key: null, now: NOW, changes });
    const found = await memory.search({ viewer: ANN, text: "w999x119", now: NOW });
    strictEqual(found.length, 1);
    const ids = answers.flatMap((answer) => ("id" in answer ? [answer.id] : []));
    await memory.write({
      by: ANN,
      key: null,
      now: NOW,
      changes: ids.map((id) => ({ do: "forget" as const, id })),
    });
    const { rows } = await server.ask<{ count: string }>(`SELECT count(*) AS count FROM ${schema}.postings`);
    deepStrictEqual(rows, [{ count: "0" }]);
    await memory.close();
  }, 60_000);

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

  it("K4: a connection that ends in the moment in which it is there ends nothing else", async () => {
    const proxy = await startCuttingProxy(server.port);
    const url = urlOf().replace(String(server.port), String(proxy.port));
    const memory = await open({ url, maxConnections: 4 });
    proxy.isCutting = true;
    const lists = Array.from({ length: 4 }, () => memory.list({ reader: ANN, limit: 9 }));
    const answers = await Promise.allSettled(lists);
    ok(proxy.cuts > 1);
    for (const answer of answers)
      if (answer.status === "rejected") strictEqual((answer.reason as StoreError).code, "STORE_UNAVAILABLE");
    proxy.isCutting = false;
    const [answer] = await memory.write({ by: ANN, key: "one", now: NOW, changes: [addOf("after")] });
    strictEqual(answer?.status, "added");
    await memory.close();
    await proxy.stop();
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
