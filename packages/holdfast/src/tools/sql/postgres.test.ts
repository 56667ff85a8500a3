import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { DefinedTool } from "../../definitions/define-tool.ts";
import { findPostgres, startPostgres, type PostgresServer } from "../../testing/postgres-server.fixture.ts";
import { startProxy, type SqlProxy } from "./sql-proxy.fixture.ts";
import { close, enter, held } from "./sql-tools.fixture.ts";
import { sqlTools, type SqlToolsOptions } from "./sql-tools.ts";

const programs = await findPostgres();

/** The server of these tests, once it is there. */
const world: { server: PostgresServer | null } = { server: null };

const ask: PostgresServer["ask"] = (sql, params) => {
  if (world.server === null) throw new TypeError("The server is not there.");
  return world.server.ask(sql, params);
};

beforeAll(async () => {
  if (programs === null) return;
  world.server = await startPostgres(programs);
  await ask(`
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, card text);
    CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES customers (id), cents bigint, at timestamptz);
    CREATE TABLE secrets (word text);
    INSERT INTO customers VALUES (1, 'Ann', '4111'), (2, 'Bob', '4222');
    INSERT INTO orders VALUES (1, 1, 500, '2026-01-02T03:04:05Z'), (2, 1, 700, null), (3, 2, 9007199254740993, null);
    INSERT INTO secrets VALUES ('canary');
    CREATE ROLE reader LOGIN PASSWORD 'reader';
    GRANT SELECT ON orders TO reader;
    GRANT SELECT (id, name) ON customers TO reader;
    CREATE ROLE writer LOGIN PASSWORD 'writer';
    GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO writer;
    CREATE ROLE sweeper LOGIN PASSWORD 'sweeper'; GRANT SELECT ON orders TO sweeper; GRANT DELETE ON secrets TO sweeper;
    CREATE ROLE filler LOGIN PASSWORD 'filler'; GRANT SELECT ON orders TO filler; GRANT INSERT (word) ON secrets TO filler;
    CREATE ROLE forger LOGIN PASSWORD 'forger'; GRANT SELECT, UPDATE (id) ON orders TO forger; GRANT UPDATE (card) ON customers TO forger;
    CREATE ROLE boss NOLOGIN SUPERUSER;
    CREATE ROLE keeper NOLOGIN;
    GRANT SELECT ON secrets TO keeper;
    CREATE ROLE climber LOGIN PASSWORD 'climber' NOINHERIT IN ROLE boss;
    CREATE ROLE runner LOGIN PASSWORD 'runner' NOINHERIT IN ROLE pg_execute_server_program;
    CREATE ROLE changer LOGIN PASSWORD 'changer' NOINHERIT IN ROLE keeper;
    CREATE TABLE nothing (word text);
    GRANT SELECT ON nothing TO writer;
    CREATE TABLE ticks (id int PRIMARY KEY, n int);
    GRANT SELECT, INSERT, UPDATE ON ticks TO writer;
    CREATE FUNCTION bump(i int) RETURNS int LANGUAGE sql AS 'UPDATE ticks SET n = n + 1 WHERE id = i RETURNING id';
  `);
}, 120_000);

afterAll(async () => world.server?.stop());

const urlOf = (role: string): string =>
  `postgres://${role}:${role}@127.0.0.1:${world.server?.port ?? 0}/shop`;

const opened: (readonly DefinedTool[])[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(close));
});

const start = (options: SqlToolsOptions = {}, role = "reader") => {
  const tools = sqlTools({ postgres: urlOf(role) }, options);
  opened.push(tools);
  const query = (sql: string, params: readonly (string | number | boolean | null)[] = []) =>
    enter(tools, "database_query", { input: { sql, params: [...params] } });
  return { tools, query };
};

const proxies: SqlProxy[] = [];
afterEach(async () => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()));
});

/** The same, by a network that can go away. */
const startBehind = async (
  options: SqlToolsOptions,
  onSent?: (text: string) => "cut" | null,
): Promise<{ readonly tools: readonly DefinedTool[]; readonly proxy: SqlProxy }> => {
  const proxy = await startProxy(world.server?.port ?? 0, onSent);
  proxies.push(proxy);
  const tools = sqlTools({ postgres: `postgres://writer:writer@127.0.0.1:${proxy.port}/shop` }, options);
  opened.push(tools);
  return { tools, proxy };
};

const NAMED: SqlToolsOptions = { tables: ["orders", { name: "customers", columns: ["id", "name"] }] };

/** What the server itself is doing for a role. */
const workOf = async (role: string): Promise<number> => {
  const { rows } = await ask<{ readonly count: string }>(
    "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND state = 'active' AND query LIKE '%pg_sleep%'",
    [role],
  );
  return Number(rows[0]?.count);
};

// npm brings the server for Linux on x64 and arm64.
describe.skipIf(programs === null)("sqlTools over Postgres", () => {
  it("reads with parameters, and answers with columns and rows", async () => {
    const { query } = start();
    expect(
      await query("SELECT id, name FROM customers WHERE name = $1 OR id = $2 ORDER BY 1", ["Ann", 2]),
    ).toEqual({
      columns: ["id", "name"],
      rows: [
        [1, "Ann"],
        [2, "Bob"],
      ],
    });
    expect(
      await query("SELECT max(cents), min(at), '{1,2}'::int[], '{\"a\":1}'::jsonb FROM orders"),
    ).toMatchObject({
      rows: [["9007199254740993", "2026-01-02T03:04:05.000Z", [1, 2], { a: 1 }]],
    });
    expect(await query("SELECT 1 WHERE false")).toMatchObject({ columns: ["?column?"], rows: [] });
  });

  it("tells the tables that its role may read, and of them the columns", async () => {
    const { tools } = start();
    expect(await enter(tools, "database_schema", {})).toBe(
      [
        "table customers (id integer not null, name text not null); primary key id",
        "table orders (id integer not null, customer integer not null, cents bigint, at timestamp with time zone); primary key id; customer → customers",
      ].join("\n"),
    );
  });

  it("says where an answer is cut, and takes no more from the server", async () => {
    const { query } = start({ maxRows: 250 });
    const answer = await query("SELECT generate_series(1, 100000000)");
    expect(answer).toMatchObject({
      rows: { length: 250 },
      cut: expect.stringMatching(/^Cut after 250 rows/),
    });
    const { query: exact } = start({ maxRows: 100 });
    expect(await exact("SELECT * FROM generate_series(1, 100)")).not.toHaveProperty("cut");
    expect(await exact("SELECT * FROM generate_series(1, 101)")).toHaveProperty("cut");
  });

  it.each([
    ["an insert", "INSERT INTO orders VALUES (9, 1, 1)"],
    ["a delete within a query", "WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone"],
    ["a table that is made", "CREATE TABLE mine (x int)"],
    ["a temporary table that is made of another", "SELECT * INTO mine FROM orders"],
    ["two statements", "SELECT 1; DELETE FROM orders"],
    ["two that end the transaction first", "COMMIT; DELETE FROM orders"],
    ["a program of the server", "COPY (SELECT 1) TO PROGRAM 'touch /tmp/holdfast-pwned'"],
    ["a file of the server", "SELECT pg_read_file('/etc/passwd')"],
    [
      "the work of others",
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    ],
  ])("refuses %s to a role that could not do it, and to one that could", async (_, sql) => {
    for (const role of ["reader", "writer"]) {
      const { query } = start({}, role);
      await expect(query(sql)).rejects.toMatchObject({ code: "TOOL_FAILED", executed: false });
    }
    expect((await ask("SELECT * FROM orders")).rowCount).toBe(3);
  });

  it("leaves nothing in the connection for the next statement", async () => {
    const { query } = start({ maxConnections: 1 });
    await query("SELECT set_config('search_path', 'pg_catalog', false)");
    await query("SELECT pg_advisory_lock(7)");
    await query("COMMIT").catch(() => undefined);
    expect(await query("SELECT count(*)::int FROM orders")).toMatchObject({ rows: [[3]] });
    expect(await query("SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory'")).toMatchObject({
      rows: [[0]],
    });
    await query("SET default_transaction_read_only = off");
    await expect(query("DELETE FROM orders")).rejects.toMatchObject({ executed: false });
  });

  it("does not begin with a role that may do more than was said, and says what to take away", async () => {
    await expect(start({}, "postgres").query("SELECT 1")).rejects.toMatchObject({
      code: "DEFINITION_INVALID",
      message: expect.stringContaining('role "postgres" is a superuser'),
    });
    await expect(start({ tables: ["customers"] }).query("SELECT 1")).rejects.toMatchObject({
      message: expect.stringMatching(/role "reader" may read orders\.id \(and 3 other columns\)/),
      hint: expect.stringContaining("REVOKE SELECT ON orders FROM reader"),
    });
    const { query } = start(NAMED);
    expect(await query("SELECT name FROM customers WHERE id = 1")).toMatchObject({ rows: [["Ann"]] });
    await expect(query("SELECT * FROM secrets")).rejects.toThrow(/permission denied.*42501/);
    await expect(query("SELECT card FROM customers")).rejects.toThrow(/permission denied/);
  });

  it.each([
    ["climber", "can become a superuser"],
    ["runner", "can run programs on the server"],
    ["changer", 'can become role "keeper" within a statement'],
  ])("does not begin with the role %s, which %s", async (role, message) => {
    await expect(start({}, role).query("SELECT 1")).rejects.toMatchObject({
      code: "DEFINITION_INVALID",
      message: expect.stringContaining(message),
      hint: expect.any(String),
    });
  });

  it("changes what is named, with a role that may do that and no more", async () => {
    const { tools } = start({ tables: ["orders", "ticks", "nothing"], write: true }, "writer");
    const change = { input: { sql: "UPDATE orders SET cents = 700 WHERE id = 2" } };
    expect(await enter(tools, "database_execute", change)).toMatchObject({ changedRows: 1 });
  });

  it.each(["sweeper", "filler", "forger"])(
    "does not begin with the role %s, which may change what is not named",
    async (role) => {
      const tables = ["orders", { name: "customers", columns: ["id", "name"] }];
      const change = { input: { sql: "DELETE FROM secrets" } };
      const refused = { code: "DEFINITION_INVALID", message: expect.stringMatching(/may (change|empty)/) };
      await expect(
        enter(start({ tables, write: true }, role).tools, "database_execute", change),
      ).rejects.toMatchObject(refused);
      expect((await ask("SELECT * FROM secrets")).rowCount).toBe(1);
      // Where nothing is written, its transactions keep it from that.
      expect(await start({ tables }, role).query("SELECT 1")).toMatchObject({ rows: [[1]] });
    },
  );

  it("E6 ends a statement in the server when it is told to stop", async () => {
    const { tools, query } = start({ maxConnections: 1 });
    await query("SELECT 1");
    const stop = new AbortController();
    const running = enter(tools, "database_query", {
      input: { sql: "SELECT pg_sleep(600)" },
      signal: stop.signal,
    });
    while ((await workOf("reader")) === 0);
    stop.abort(new Error("enough"));
    await expect(running).rejects.toMatchObject({ executed: false });
    while ((await workOf("reader")) > 0);
    expect(await query("SELECT 2")).toMatchObject({ rows: [[2]] });
  });

  it("E6 has the server end a statement by itself, should nobody come to it", async () => {
    const { tools } = start({ timeoutMs: 100 });
    const sql = "SELECT pg_sleep(600)";
    await expect(enter(tools, "database_query", { input: { sql } })).rejects.toMatchObject({
      message: expect.stringContaining("statement timeout"),
      executed: false,
    });
  });

  it("changes data where that was asked for, all of it or nothing", async () => {
    const { tools, query } = start({ write: true }, "writer");
    const execute = (sql: string, params: readonly (string | number)[] = []) =>
      enter(tools, "database_execute", { input: { sql, params: [...params] } });
    expect(await execute("INSERT INTO orders VALUES ($1, 1, 5) RETURNING id", [10])).toMatchObject({
      changedRows: 1,
      rows: [[10]],
    });
    expect(await execute("DELETE FROM orders WHERE id = 10")).toMatchObject({ changedRows: 1 });
    await expect(execute("INSERT INTO orders VALUES (11, 1), (1, 1)")).rejects.toMatchObject({
      executed: false,
      message: expect.stringContaining("23505"),
    });
    expect(await query("SELECT count(*)::int FROM orders")).toMatchObject({ rows: [[3]] });
  });

  it.each(["COPY orders TO STDOUT", "COPY (SELECT 1) TO STDOUT", "COPY nothing TO STDOUT"])(
    "refuses %s, and goes on",
    async (sql) => {
      const { query } = start({ maxConnections: 1 }, "writer");
      await expect(query(sql)).rejects.toMatchObject({ code: "TOOL_FAILED", executed: false });
      expect(await query("SELECT 1")).toMatchObject({ rows: [[1]] });
    },
  );

  it("refuses to copy into a table, and changes nothing", async () => {
    const { tools, query } = start({ write: true, maxConnections: 1 }, "writer");
    await expect(
      enter(tools, "database_execute", { input: { sql: "COPY orders FROM STDIN" } }),
    ).rejects.toMatchObject({ code: "TOOL_FAILED", executed: false });
    expect(await query("SELECT count(*)::int FROM orders")).toMatchObject({ rows: [[3]] });
  });

  it("does a change to its end where its answer is cut, and tells all rows that were changed", async () => {
    const { tools } = start({ write: true, maxRows: 50 }, "writer");
    const execute = (sql: string) => enter(tools, "database_execute", { input: { sql } });
    expect(await execute("INSERT INTO ticks SELECT generate_series(1, 1000), 0 RETURNING id")).toMatchObject({
      changedRows: 1_000,
      rows: { length: 50 },
      cut: expect.stringMatching(/^Cut after 50/),
    });
    expect(await execute("SELECT bump(id) FROM ticks")).toMatchObject({ rows: { length: 50 } });
    expect((await ask("SELECT sum(n)::int FROM ticks")).rows).toEqual([{ sum: 1_000 }]);
  });

  it.each([
    "SELECT repeat(repeat('x', 1000000), 50)",
    "SELECT repeat(repeat('x', 1000000), 50)::int",
    "COPY (SELECT repeat(repeat('x', 1000000), 50)) TO STDOUT",
  ])(
    "gives up an answer that would fill its memory: %s",
    async (sql) => {
      const { query } = start({ maxConnections: 1, timeoutMs: 60_000 });
      await expect(query(sql)).rejects.toMatchObject({
        message: expect.stringContaining("Ask for fewer columns or rows"),
        executed: false,
      });
      expect(await query("SELECT 1")).toMatchObject({ rows: [[1]] });
    },
    60_000,
  );

  it("shows the beginning of an error, however long that is", async () => {
    const failed = await start()
      .query("SELECT repeat('x', 1000000)::int")
      .catch((thrown: unknown) => thrown);
    expect(failed).toMatchObject({ executed: false });
    expect(String(failed).length).toBeLessThan(3_000);
  });

  it("E6 stops more statements than there are connections, and goes on", async () => {
    const { tools, query } = start({ maxConnections: 2 });
    await query("SELECT 1");
    const stop = new AbortController();
    const running = Array.from({ length: 6 }, () =>
      enter(tools, "database_query", { input: { sql: "SELECT pg_sleep(600)" }, signal: stop.signal }),
    );
    while ((await workOf("reader")) < 2);
    expect(held(tools)).toBe(2);
    stop.abort(new Error("enough"));
    const ended = await Promise.allSettled(running);
    expect(ended.map((each) => each.status === "rejected" && each.reason)).toEqual(
      ended.map(() => expect.objectContaining({ code: "TOOL_FAILED", executed: false })),
    );
    expect(await workOf("reader")).toBe(0);
    expect(await query("SELECT 2")).toMatchObject({ rows: [[2]] });
  });

  it("E6 knows that a change that was stopped did not take place", async () => {
    const { tools } = start({ write: true }, "writer");
    const stop = new AbortController();
    const running = enter(tools, "database_execute", {
      input: { sql: "UPDATE orders SET cents = 1 WHERE id = 1 AND pg_sleep(600) IS NOT NULL" },
      signal: stop.signal,
    });
    while ((await workOf("writer")) === 0);
    stop.abort(new Error("enough"));
    await expect(running).rejects.toMatchObject({ code: "TOOL_FAILED", executed: false });
  });

  it("E6 stops where the network has gone away, and closes there too", async () => {
    const { tools, proxy } = await startBehind({ maxConnections: 2 });
    const query = (sql: string, signal?: AbortSignal) =>
      enter(tools, "database_query", { input: { sql }, ...(signal && { signal }) });
    await query("SELECT 1");
    proxy.freeze();
    const stop = new AbortController();
    const running = [
      query("SELECT 1", stop.signal),
      query("SELECT 1", stop.signal),
      query("SELECT 1", stop.signal),
    ];
    stop.abort(new Error("enough"));
    for (const each of running) await expect(each).rejects.toMatchObject({ executed: false });
    const waiting = query("SELECT 1").catch((thrown: unknown) => thrown);
    do await ask("SELECT 1");
    while (held(tools) === 0);
    await close(tools);
    expect(held(tools)).toBe(0);
    expect(await waiting).toMatchObject({ code: "TOOL_FAILED", executed: false });
  });

  it("closes while statements run, and ends them in the server", async () => {
    const { tools, query } = start({ maxConnections: 1 });
    const running = query("SELECT pg_sleep(600)").catch((thrown: unknown) => thrown);
    const waiting = query("SELECT 1").catch((thrown: unknown) => thrown);
    while ((await workOf("reader")) === 0);
    await close(tools);
    expect(held(tools)).toBe(0);
    expect(await running).toMatchObject({ code: "TOOL_FAILED", executed: false });
    expect(await waiting).toMatchObject({ code: "TOOL_FAILED", executed: false });
    while ((await workOf("reader")) > 0);
  });

  it("E2 tells what was committed, also where the connection is cut after that", async () => {
    const { tools } = await startBehind({ write: true }, (text) =>
      text.includes("DISCARD ALL") ? "cut" : null,
    );
    const input = { sql: "UPDATE orders SET cents = 700 WHERE id = 2" };
    expect(await enter(tools, "database_execute", { input })).toEqual({ changedRows: 1 });
    expect(await enter(tools, "database_execute", { input })).toEqual({ changedRows: 1 });
  });

  it("E2 does not know of a change whose connection was cut with its commit under way", async () => {
    const { tools } = await startBehind({ write: true }, (text) => (text.includes("COMMIT") ? "cut" : null));
    const input = { sql: "UPDATE orders SET cents = 700 WHERE id = 2" };
    await expect(enter(tools, "database_execute", { input })).rejects.toMatchObject({
      code: "TOOL_FAILED",
      executed: undefined,
    });
  });

  it("E2 says of a change whose connection was cut that nobody knows whether it took place", async () => {
    const { tools } = start({ write: true }, "writer");
    const sql = "UPDATE orders SET cents = 1 WHERE id = 1 AND pg_sleep(600) IS NOT NULL";
    const running = enter(tools, "database_execute", { input: { sql } });
    const failed = running.catch((thrown: unknown) => thrown);
    while ((await workOf("writer")) === 0);
    await ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'writer'");
    expect(await failed).toMatchObject({
      code: "TOOL_FAILED",
      executed: undefined,
      failure: { retryable: true },
    });
    await close(tools);
  });

  it("says that a server is not there, and that a password is wrong, without showing it", async () => {
    const gone = sqlTools({ postgres: "postgres://reader:s3cret@127.0.0.1:1/shop" });
    await expect(enter(gone, "database_query", { input: { sql: "SELECT 1" } })).rejects.toMatchObject({
      message: expect.stringMatching(/^Postgres database shop at 127\.0\.0\.1:1 cannot be reached/),
      executed: false,
    });
    const wrong = sqlTools({
      postgres: `postgres://reader:s3cret@127.0.0.1:${world.server?.port ?? 0}/shop`,
    });
    opened.push(gone, wrong);
    await expect(enter(wrong, "database_query", { input: { sql: "SELECT 1" } })).rejects.toMatchObject({
      message: expect.not.stringContaining("s3cret"),
    });
    expect(await gone[0]?.resource?.check?.(new AbortController().signal)).toMatchObject({
      code: "TOOL_FAILED",
    });
  });

  it("holds no socket when it is closed, and opens one again when it is needed", async () => {
    const { tools, query } = start();
    await Promise.all(Array.from({ length: 20 }, () => query("SELECT 1")));
    expect(held(tools)).toBeGreaterThan(0);
    expect(held(tools)).toBeLessThanOrEqual(5);
    await close(tools);
    expect(held(tools)).toBe(0);
    expect(await query("SELECT 1")).toMatchObject({ rows: [[1]] });
  });
});
