import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { DefinedTool } from "../../definitions/define-tool.ts";
import { findMariadb, startMariadb, type MariadbServer } from "./mysql-server.fixture.ts";
import { startProxy, type SqlProxy } from "./sql-proxy.fixture.ts";
import { close, enter, held } from "./sql-tools.fixture.ts";
import { sqlTools, type SqlToolsOptions } from "./sql-tools.ts";

const programs = findMariadb();

/** The server of these tests, once it is there. */
const world: { server: MariadbServer | null } = { server: null };

const ask: MariadbServer["ask"] = (sql, params) => {
  if (world.server === null) throw new TypeError("The server is not there.");
  return world.server.ask(sql, params);
};

const USERS = [
  "reader",
  "writer",
  "filer",
  "boss",
  "snoop",
  "kingsman",
  "wide",
  "sweeper",
  "mower",
  "filler",
  "clerk",
];

beforeAll(async () => {
  if (programs === null) return;
  world.server = await startMariadb(programs);
  await ask(`
    CREATE TABLE customers (id int PRIMARY KEY, name varchar(20) NOT NULL, card varchar(20));
    CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL, cents bigint, at datetime(3), FOREIGN KEY (customer) REFERENCES customers (id));
    CREATE TABLE secrets (word text);
    CREATE TABLE kinds (big bigint unsigned, price decimal(30,10), day date, at timestamp(6) NULL, clock time, bits bit(40), bytes blob,
      j json, f float, d double, e enum('a','b'), flag tinyint(1), y year, nothing int, u uuid);
    CREATE TABLE plain (id int PRIMARY KEY) ENGINE = MyISAM;
    CREATE TABLE ticks (id int PRIMARY KEY, n int);
    CREATE SEQUENCE numbers;
    INSERT INTO customers VALUES (1, 'Ann', '4111'), (2, 'Bob', '4222');
    INSERT INTO orders VALUES (1, 1, 500, '2026-01-02 03:04:05.5'), (2, 1, 700, null), (3, 2, 9007199254740993, null);
    INSERT INTO secrets VALUES ('canary');
    INSERT INTO kinds VALUES (18446744073709551615, '12345678901234567890.0123456789', '2026-02-03', '2026-02-03 04:05:06.000007', '-12:34:56',
      b'1111111111111111111111111111111111111111', 'abc', '{"a":9007199254740993}', 0.1, 0.2, 'b', 1, 2026, null, '123e4567-e89b-12d3-a456-426655440000');
    CREATE FUNCTION wipe() RETURNS int MODIFIES SQL DATA BEGIN DELETE FROM shop.orders; RETURN 1; END;
    CREATE FUNCTION wipe_anyway() RETURNS int MODIFIES SQL DATA BEGIN SET SESSION tx_read_only = 0; DELETE FROM shop.orders; RETURN 1; END;
    CREATE PROCEDURE wipe_after_commit() BEGIN COMMIT; DELETE FROM shop.orders; END;
    CREATE FUNCTION bump(i int) RETURNS int MODIFIES SQL DATA BEGIN UPDATE ticks SET n = n + 1 WHERE id = i; RETURN i; END;
    CREATE ROLE keeper;
    GRANT PROCESS ON *.* TO keeper;
    ${USERS.map((user) => `CREATE USER ${user} IDENTIFIED BY '${user}'`).join("; ")};
    GRANT SELECT ON orders TO reader;
    GRANT SELECT (id, name) ON customers TO reader;
    GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE, CREATE, DROP, ALTER, LOCK TABLES, CREATE TEMPORARY TABLES, INDEX ON shop.* TO writer;
    GRANT SELECT ON shop.* TO filer; GRANT FILE ON *.* TO filer;
    GRANT ALL ON *.* TO boss WITH GRANT OPTION;
    GRANT SELECT ON shop.* TO snoop; GRANT SELECT ON mysql.* TO snoop;
    GRANT SELECT ON orders TO kingsman; GRANT keeper TO kingsman; SET DEFAULT ROLE keeper FOR kingsman;
    GRANT SELECT ON shop.* TO wide;
    GRANT SELECT ON orders TO sweeper; GRANT DELETE ON secrets TO sweeper;
    GRANT SELECT, UPDATE ON orders TO clerk; GRANT SELECT, DELETE ON ticks TO clerk;
    GRANT SELECT ON orders TO mower; GRANT DELETE ON shop.* TO mower;
    GRANT SELECT ON orders TO filler; GRANT INSERT (word) ON secrets TO filler;
  `);
}, 120_000);

afterAll(async () => world.server?.stop());

const urlOf = (user: string, port = world.server?.port ?? 0): string =>
  `mysql://${user}:${user}@127.0.0.1:${port}/shop`;

const opened: (readonly DefinedTool[])[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(close));
});

const start = (options: SqlToolsOptions = {}, user = "reader") => {
  const tools = sqlTools({ mysql: urlOf(user) }, options);
  opened.push(tools);
  const query = (sql: string, params: readonly (string | number | boolean | null)[] = []) =>
    enter(tools, "database_query", { input: { sql, params: [...params] } });
  const execute = (sql: string, params: readonly (string | number)[] = []) =>
    enter(tools, "database_execute", { input: { sql, params: [...params] } });
  return { tools, query, execute };
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
  const tools = sqlTools({ mysql: urlOf("writer", proxy.port) }, options);
  opened.push(tools);
  return { tools, proxy };
};

/** What the server itself is doing for a user. */
const workOf = async (user: string): Promise<number> => {
  const rows = await ask(
    "SELECT count(*) FROM information_schema.processlist WHERE user = ? AND command = 'Execute' AND info LIKE '%sleep%'",
    [user],
  );
  return Number(rows[0]?.[0]);
};

const ordersLeft = async (): Promise<unknown> => (await ask("SELECT count(*) FROM orders"))[0]?.[0];

// Debian's package mariadb-server brings the server; without it none of this is tested.
describe.skipIf(programs === null)("sqlTools over MariaDB", () => {
  it("reads with parameters, and answers with columns and rows", async () => {
    const { query } = start();
    expect(
      await query("SELECT id, name FROM customers WHERE name = ? OR id = ? ORDER BY 1 LIMIT ?", [
        "Ann",
        2,
        2,
      ]),
    ).toEqual({
      columns: ["id", "name"],
      rows: [
        [1, "Ann"],
        [2, "Bob"],
      ],
    });
    expect(await query("SELECT max(cents), min(at) FROM orders")).toMatchObject({
      rows: [["9007199254740993", "2026-01-02 03:04:05.500"]],
    });
    expect(await query("SELECT ?, ?, ?, ?", [9007199254740991, 1.5, true, null])).toMatchObject({
      rows: [[9007199254740991, 1.5, 1, null]],
    });
    expect(await query("SELECT 1 AS one FROM orders WHERE false")).toEqual({ columns: ["one"], rows: [] });
    await expect(query("SELECT ?", [])).rejects.toMatchObject({
      executed: false,
      message: expect.stringContaining("1 placeholders"),
    });
  });

  it("shows what JSON cannot hold exactly as text", async () => {
    expect(await start({}, "writer").query("SELECT * FROM kinds")).toMatchObject({
      rows: [
        [
          "18446744073709551615",
          "12345678901234567890.0123456789",
          "2026-02-03",
          "2026-02-03 04:05:06.000007",
          "-12:34:56",
          2 ** 40 - 1,
          "(3 bytes)",
          '{"a":9007199254740993}',
          0.1,
          0.2,
          "b",
          1,
          2026,
          null,
          "123e4567-e89b-12d3-a456-426655440000",
        ],
      ],
    });
  });

  it("tells the tables that its user may read, and of them the columns", async () => {
    const { tools } = start();
    expect(await enter(tools, "database_schema", {})).toBe(
      [
        "table customers (id int(11) not null, name varchar(20) not null); primary key id",
        "table orders (id int(11) not null, customer int(11) not null, cents bigint(20), at datetime(3)); primary key id; customer → customers.id",
      ].join("\n"),
    );
  });

  it("says where an answer is cut, and takes no more from the server", async () => {
    const { query } = start({ maxRows: 250, maxConnections: 1 });
    const cut = { rows: { length: 250 }, cut: expect.stringMatching(/^Cut after 250 rows/) };
    const series =
      "WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 500) SELECT a.n FROM s a, s b, s c";
    expect(await query(series)).toMatchObject(cut);
    expect(await query(`${series} LIMIT 100000000`)).toMatchObject(cut);
    expect(await query("SELECT 1")).toMatchObject({ rows: [[1]] });
    const { query: exact } = start({ maxRows: 3 });
    expect(await exact("SELECT * FROM orders")).not.toHaveProperty("cut");
    const { query: short } = start({ maxRows: 2 });
    expect(await short("SELECT * FROM orders")).toHaveProperty("cut");
    const { query: narrow } = start({ maxChars: 1_000 });
    expect(
      await narrow(
        `SELECT repeat('x', 300) FROM (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) t LIMIT 9000000`,
      ),
    ).toMatchObject({
      rows: { length: 3 },
      cut: expect.stringContaining("1000 characters"),
    });
  });

  it.each([
    ["an insert", "INSERT INTO orders VALUES (9, 1, 1, null)"],
    ["a delete that answers with rows", "DELETE FROM orders RETURNING id"],
    ["a delete in a comment for some versions", "/*!50000 DELETE */ FROM orders"],
    ["a delete in a comment for MariaDB", "/*M!100000 DELETE FROM orders */"],
    ["a delete that is analyzed, which does it", "ANALYZE DELETE FROM orders"],
    ["a delete by a plan", "EXPLAIN DELETE FROM orders"],
    ["a table that is made, which would commit", "CREATE TABLE mine (x int)"],
    ["a table that is emptied, which would commit", "TRUNCATE orders"],
    ["a temporary table", "CREATE TEMPORARY TABLE mine AS SELECT * FROM orders"],
    ["two statements", "SELECT 1; DELETE FROM orders"],
    ["two that end the transaction first", "COMMIT; DELETE FROM orders"],
    ["an end of the transaction", "COMMIT"],
    ["a block that ends the transaction", "BEGIN NOT ATOMIC COMMIT; DELETE FROM orders; END"],
    [
      "a block that ends the transaction and begins another",
      "BEGIN NOT ATOMIC ROLLBACK; SET SESSION TRANSACTION READ WRITE; START TRANSACTION; DELETE FROM orders; COMMIT; END",
    ],
    ["a procedure that ends the transaction", "CALL wipe_after_commit()"],
    ["a function that deletes", "SELECT wipe()"],
    ["a function that makes it writable and deletes", "SELECT wipe_anyway()"],
    ["a number of a sequence", "SELECT NEXT VALUE FOR numbers"],
    ["a statement that is made of text", "EXECUTE IMMEDIATE 'DELETE FROM orders'"],
    ["a statement that is prepared by name", "PREPARE s FROM 'DELETE FROM orders'"],
    ["a check of a table, which would commit", "CHECK TABLE orders"],
    ["an analysis of a table, which would commit", "ANALYZE TABLE orders"],
    ["a file of the server that is written", "SELECT 1 INTO OUTFILE '/tmp/holdfast-pwned'"],
    ["a variable", "SELECT 1 INTO @x"],
    ["a file of this machine", "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE secrets"],
    ["settings of the server", "SET GLOBAL max_connections = 1"],
    ["settings for one statement", "SET STATEMENT max_statement_time = 0 FOR SELECT 1"],
    ["settings of the session", "SET SESSION TRANSACTION READ WRITE"],
    ["another role", "SET ROLE keeper"],
    ["rows that are locked", "SELECT * FROM orders FOR UPDATE"],
    ["tables that are locked", "LOCK TABLES orders WRITE"],
    ["the work of others", "KILL 1"],
    ["the hash of its own password", "SHOW GRANTS"],
    ["a lone semicolon", ";"],
    ["half of a plan", "FORMAT=JSON DELETE FROM orders"],
  ])("refuses %s to a user who could not do it, and to one who could", async (_, sql) => {
    for (const user of ["reader", "writer"]) {
      const { query } = start({}, user);
      await expect(query(sql)).rejects.toMatchObject({ code: "TOOL_FAILED", executed: false });
    }
    expect(await ordersLeft()).toBe(3);
    expect(await ask("SELECT lastval(numbers)")).toEqual([[null]]);
    expect(await ask("SHOW TABLES LIKE 'mine'")).toEqual([]);
  });

  it("reads no file of the server, which would be null to it", async () => {
    expect(await start().query("SELECT load_file('/etc/passwd')")).toMatchObject({ rows: [[null]] });
  });

  it("leaves nothing in the connection for the next statement", async () => {
    const { query } = start({ maxConnections: 1 });
    await query("SELECT get_lock('seven', 1), @left := 7");
    expect(await query("SELECT is_used_lock('seven'), @left")).toMatchObject({ rows: [[null, null]] });
  });

  it("does not begin with a user who may do more than was said, and says what to take away", async () => {
    await expect(start({}, "boss").query("SELECT 1")).rejects.toMatchObject({
      code: "DEFINITION_INVALID",
      message: expect.stringContaining("rights on the whole server (ALL PRIVILEGES)"),
      hint: expect.stringContaining("GRANT SELECT"),
    });
    await expect(start({ tables: ["customers"] }).query("SELECT 1")).rejects.toMatchObject({
      code: "DEFINITION_INVALID",
      message: expect.stringMatching(/user reader@% may read or change orders\.id \(and 3 other columns\)/),
      hint: expect.stringContaining("REVOKE"),
    });
    const { query } = start({ tables: ["orders", { name: "customers", columns: ["id", "name"] }] });
    expect(await query("SELECT name FROM customers WHERE id = 1")).toMatchObject({ rows: [["Ann"]] });
    await expect(query("SELECT * FROM secrets")).rejects.toThrow(/denied.*42000/);
    await expect(query("SELECT card FROM customers")).rejects.toThrow(/denied/);
    await expect(query("SELECT * FROM customers")).rejects.toThrow(/denied/);
    await expect(query("SELECT * FROM mysql.global_priv")).rejects.toThrow(/denied/);
  });

  it.each([
    ["filer", {}, "rights on the whole server (FILE)"],
    ["kingsman", {}, "rights on the whole server (PROCESS)"],
    ["snoop", {}, "which belongs to the server itself"],
    ["wide", { tables: ["orders"] }, 'which "tables" does not name'],
  ])("does not begin with the user %s", async (user, options, message) => {
    await expect(start(options, user).query("SELECT 1")).rejects.toMatchObject({
      code: "DEFINITION_INVALID",
      message: expect.stringContaining(message),
      hint: expect.any(String),
    });
  });

  it("changes what is named, with a user that may do that and no more", async () => {
    const { execute } = start({ tables: ["orders", "ticks"], write: true }, "clerk");
    expect(await execute("DELETE FROM ticks WHERE id = -1")).toEqual({ changedRows: 0 });
    expect(await execute("UPDATE orders SET cents = 701 WHERE id = 2")).toEqual({ changedRows: 1 });
    expect(await execute("UPDATE orders SET cents = 700 WHERE id = 2")).toEqual({ changedRows: 1 });
  });

  it.each(["sweeper", "mower", "filler"])(
    "does not begin with the user %s, which may change what is not named",
    async (user) => {
      const { execute } = start({ tables: ["orders"], write: true }, user);
      await expect(execute("DELETE FROM secrets")).rejects.toMatchObject({
        code: "DEFINITION_INVALID",
        message: expect.stringContaining('which "tables" does not name'),
        hint: expect.stringContaining("REVOKE"),
      });
      expect(await ask("SELECT word FROM secrets")).toEqual([["canary"]]);
    },
  );

  it("E6 ends a statement in the server when it is told to stop", async () => {
    const { tools, query } = start({ maxConnections: 1 });
    await query("SELECT 1");
    for (const sql of ["SELECT sleep(600)", "SELECT benchmark(1000000000000, sha2('sleep', 512))"]) {
      const stop = new AbortController();
      const running = enter(tools, "database_query", { input: { sql }, signal: stop.signal });
      while ((await workOf("reader")) === 0);
      stop.abort(new Error("enough"));
      await expect(running).rejects.toMatchObject({ executed: false });
      while ((await workOf("reader")) > 0);
      expect(await query("SELECT 2")).toMatchObject({ rows: [[2]] });
    }
  });

  it("E6 has the server end a statement by itself, should nobody come to it", async () => {
    const { query } = start({ timeoutMs: 100 });
    const sql = `WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT max(a.n + b.n + c.n) FROM s a, s b, s c`;
    await expect(query(sql)).rejects.toMatchObject({
      message: expect.stringContaining("max_statement_time"),
      executed: false,
    });
  });

  it("gives up an answer that would fill its memory", async () => {
    const { query } = start({ maxConnections: 1, timeoutMs: 60_000 });
    await expect(
      query("SELECT a.x, a.x, a.x, a.x FROM (SELECT repeat('x', 10000000) AS x) a"),
    ).rejects.toMatchObject({
      message: expect.stringContaining("Ask for fewer columns or rows"),
      executed: false,
    });
    expect(await query("SELECT 1")).toMatchObject({ rows: [[1]] });
  }, 60_000);

  it("E6 stops more statements than there are connections, and goes on", async () => {
    const { tools, query } = start({ maxConnections: 2 });
    await query("SELECT 1");
    const stop = new AbortController();
    const running = Array.from({ length: 6 }, () =>
      enter(tools, "database_query", { input: { sql: "SELECT sleep(600)" }, signal: stop.signal }),
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

  it("E6 stops where the network has gone away, and closes there too", async () => {
    const { tools, proxy } = await startBehind({ maxConnections: 2 });
    const query = (sql: string, signal?: AbortSignal) =>
      enter(tools, "database_query", { input: { sql }, ...(signal && { signal }) });
    await query("SELECT 1");
    proxy.freeze();
    const stop = new AbortController();
    const running = [1, 2, 3].map(() => query("SELECT 1", stop.signal));
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
    const running = query("SELECT sleep(600)").catch((thrown: unknown) => thrown);
    const waiting = query("SELECT 1").catch((thrown: unknown) => thrown);
    while ((await workOf("reader")) === 0);
    await close(tools);
    expect(held(tools)).toBe(0);
    expect(await running).toMatchObject({ code: "TOOL_FAILED", executed: false });
    expect(await waiting).toMatchObject({ code: "TOOL_FAILED", executed: false });
    while ((await workOf("reader")) > 0);
  });

  it("changes data where that was asked for, all of it or nothing", async () => {
    const { query, execute } = start({ write: true }, "writer");
    expect(await execute("INSERT INTO orders VALUES (?, 1, 5, null) RETURNING id", [10])).toMatchObject({
      rows: [[10]],
    });
    expect(await execute("UPDATE orders SET cents = 5 WHERE id = 10")).toEqual({ changedRows: 1 });
    expect(await execute("DELETE FROM orders WHERE id = 10")).toEqual({ changedRows: 1 });
    await expect(
      execute("INSERT INTO orders VALUES (11, 1, 1, null), (1, 1, 1, null)"),
    ).rejects.toMatchObject({ executed: false, message: expect.stringContaining("23000") });
    expect(await query("SELECT count(*) FROM orders")).toMatchObject({ rows: [[3]] });
  });

  it.each([
    "DROP TABLE orders",
    "TRUNCATE orders",
    "COMMIT",
    "CALL wipe_after_commit()",
    "BEGIN NOT ATOMIC DELETE FROM orders; COMMIT; SIGNAL SQLSTATE '45000'; END",
    "SET GLOBAL max_connections = 1",
    "KILL 1",
    "INSERT INTO ticks VALUES (900, 1); COMMIT",
  ])("refuses %s, which is no single change that can be undone", async (sql) => {
    const { execute } = start({ write: true }, "writer");
    await expect(execute(sql)).rejects.toMatchObject({ code: "TOOL_FAILED", executed: false });
    expect(await ordersLeft()).toBe(3);
  });

  it("says that nobody knows what is left of a change to a table without transactions", async () => {
    const { execute } = start({ write: true }, "writer");
    await expect(execute("INSERT INTO plain VALUES (1), (2), (1)")).rejects.toMatchObject({
      code: "TOOL_FAILED",
      executed: undefined,
    });
    expect(await ask("SELECT count(*) FROM plain")).toEqual([[2]]);
  });

  it("does a change to its end where its answer is cut", async () => {
    const { execute } = start({ write: true, maxRows: 50 }, "writer");
    await execute(
      "INSERT INTO ticks WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 1000) SELECT n, 0 FROM s",
    );
    expect(
      await execute(
        "WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 1000) SELECT bump(n) FROM s",
      ),
    ).toMatchObject({
      rows: { length: 50 },
      cut: expect.stringMatching(/^Cut after 50/),
    });
    expect((await ask("SELECT sum(n) FROM ticks"))[0]?.map(Number)).toEqual([1_000]);
  });

  it("E6 knows that a change that was stopped did not take place", async () => {
    const { tools } = start({ write: true }, "writer");
    const stop = new AbortController();
    const running = enter(tools, "database_execute", {
      input: { sql: "UPDATE orders SET cents = 1 WHERE id = 1 AND sleep(600) IS NOT NULL" },
      signal: stop.signal,
    });
    while ((await workOf("writer")) === 0);
    stop.abort(new Error("enough"));
    await expect(running).rejects.toMatchObject({ code: "TOOL_FAILED", executed: false });
    expect(await ask("SELECT cents FROM orders WHERE id = 1")).toEqual([[500]]);
  });

  it("E2 tells what was committed, also where the connection is cut after that", async () => {
    const { tools } = await startBehind({ write: true }, (text) =>
      text === "\x01\0\0\0\x1f" ? "cut" : null,
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
    const { tools, execute } = start({ write: true }, "writer");
    const failed = execute("UPDATE orders SET cents = 1 WHERE id = 1 AND sleep(600) IS NOT NULL").catch(
      (thrown: unknown) => thrown,
    );
    while ((await workOf("writer")) === 0);
    await ask("KILL USER writer");
    expect(await failed).toMatchObject({
      code: "TOOL_FAILED",
      executed: undefined,
      failure: { retryable: true },
    });
    await close(tools);
  });

  it("says that a server is not there, and what was refused and why, without showing a password", async () => {
    const tell = async (url: string): Promise<unknown> => {
      const tools = sqlTools({ mysql: url });
      opened.push(tools);
      expect(await tools[0]?.resource?.check?.(new AbortController().signal)).toMatchObject({
        code: "TOOL_FAILED",
        hint: expect.any(String),
      });
      return enter(tools, "database_query", { input: { sql: "SELECT 1" } }).catch(
        (thrown: unknown) => thrown,
      );
    };
    const port = world.server?.port ?? 0;
    const gone = await tell("mariadb://reader:s3cret@127.0.0.1:1/shop");
    expect(gone).toMatchObject({
      message: expect.stringMatching(
        /^MariaDB database shop at 127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/,
      ),
      executed: false,
      hint: expect.stringContaining("running"),
    });
    const wrong = await tell(`mysql://reader:s3cret@127.0.0.1:${port}/shop`);
    expect(wrong).toMatchObject({
      message: expect.stringContaining("Access denied"),
      failure: { retryable: false },
    });
    const nowhere = await tell(`mysql://reader:reader@127.0.0.1:${port}/nowhere`);
    expect(nowhere).toMatchObject({
      hint: expect.stringContaining("database"),
      failure: { retryable: false },
    });
    const plain = await tell(`mysql://reader:reader@127.0.0.1:${port}/shop?ssl-mode=REQUIRED`);
    expect(plain).toMatchObject({ hint: expect.stringContaining("ssl-mode") });
    for (const told of [gone, wrong, nowhere, plain])
      expect(JSON.stringify([told, String(told)])).not.toContain("s3cret");
  });

  it("comes by a socket of the machine too", async () => {
    const socket = encodeURIComponent(world.server?.socket ?? "");
    const tools = sqlTools({ mysql: `mysql://reader:reader@localhost/shop?socket=${socket}` });
    opened.push(tools);
    expect(await enter(tools, "database_query", { input: { sql: "SELECT 1" } })).toMatchObject({
      rows: [[1]],
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

describe("sqlTools with a URL of MySQL", () => {
  it.each([
    ["mysql://a:s3cret@host/shop?multipleStatements=true", "multipleStatements"],
    ["mysql://a:s3cret@host/shop?flags=LOCAL_FILES", "flags"],
    ["mysql://a:s3cret@host/shop?ssl-mode=PREFERRED", "ssl-mode"],
    ["mysql://a:s3cret@127.0.0.1/shop?ssl-mode=VERIFY_IDENTITY", "VERIFY_IDENTITY"],
    ["mysql://a:s3cret@[::1]/shop?ssl-mode=VERIFY_IDENTITY", "VERIFY_IDENTITY"],
    ["mysql://a:s3cret@host/", "no database"],
    ["mysql://a:s3cret%@host/shop", "%"],
    ["postgres://a:s3cret@host/shop", "names no database"],
  ])("refuses %s", (mysql, message) => {
    const refused = expect.objectContaining({
      code: "OPTION_INVALID",
      message: expect.stringContaining(message),
      hint: expect.any(String),
    });
    try {
      sqlTools({ mysql });
      expect.unreachable();
    } catch (thrown) {
      expect(thrown).toEqual(refused);
      expect(String(thrown)).not.toContain("s3cret");
    }
  });
});
