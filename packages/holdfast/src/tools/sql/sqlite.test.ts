import { execFileSync, fork, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { DefinedTool } from "../../definitions/define-tool.ts";
import { close, enter, held } from "./sql-tools.fixture.ts";
import { sqlTools, type SqlToolsOptions } from "./sql-tools.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-sql-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const opened: (readonly DefinedTool[])[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(close));
});

const shop = (): string => {
  const path = join(mkdtempSync(join(folder, "shop-")), "shop.db");
  const database = new DatabaseSync(path);
  database.exec(`
    CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, card TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customers (id), cents INTEGER);
    CREATE TABLE secrets (word TEXT);
    CREATE VIEW spending AS SELECT name, sum(cents) AS cents FROM customers JOIN orders ON customer = customers.id GROUP BY 1;
    INSERT INTO customers VALUES (1, 'Ann', '4111'), (2, 'Bob', '4222');
    INSERT INTO orders VALUES (1, 1, 500), (2, 1, 700), (3, 2, 9007199254740993);
    INSERT INTO secrets VALUES ('canary');
  `);
  database.close();
  return path;
};

const start = (options: SqlToolsOptions = {}, path = shop()) => {
  const tools = sqlTools({ sqlite: path }, options);
  opened.push(tools);
  const query = (sql: string, params: readonly (string | number | boolean | null)[] = []) =>
    enter(tools, "database_query", { input: { sql, params: [...params] } });
  return { tools, path, query };
};

describe("sqlTools over SQLite", () => {
  it("reads with parameters, and answers with columns and rows", async () => {
    const { query } = start();
    expect(await query("SELECT id, name FROM customers WHERE name = ? OR id = ?", ["Ann", 2])).toEqual({
      columns: ["id", "name"],
      rows: [
        [1, "Ann"],
        [2, "Bob"],
      ],
    });
    expect(await query("SELECT max(cents), x'00ff', null, 1.5, true FROM orders")).toMatchObject({
      rows: [["9007199254740993", "(2 bytes)", null, 1.5, 1]],
    });
  });

  it("tells the tables, their keys and what they refer to", async () => {
    const { tools } = start({ tables: ["orders", { name: "Customers", columns: ["ID", "name"] }] });
    expect(await enter(tools, "database_schema", {})).toBe(
      [
        "table customers (id INTEGER not null, name TEXT not null); primary key id",
        "table orders (id INTEGER not null, customer INTEGER not null, cents INTEGER); primary key id; customer → customers.id",
      ].join("\n"),
    );
  });

  it("says where an answer is cut, by rows and by characters", async () => {
    const { query } = start({ maxRows: 2 });
    expect(await query("SELECT id FROM orders")).toMatchObject({
      rows: [[1], [2]],
      cut: expect.stringMatching(/^Cut after 2 rows/),
    });
    const { query: short } = start({ maxChars: 40 });
    const numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    expect(await short(numbers)).toMatchObject({ cut: expect.stringMatching(/more than 40 characters/) });
  });

  it.each([
    ["an insert", "INSERT INTO orders VALUES (9, 1, 1)"],
    ["a delete", "DELETE FROM orders"],
    ["an update that returns rows", "UPDATE orders SET cents = 0 RETURNING id"],
    ["a delete within a query", "WITH gone AS (SELECT 1) DELETE FROM orders RETURNING id"],
    ["a table that is dropped", "DROP TABLE orders"],
    ["a pragma", "PRAGMA journal_mode = DELETE"],
    ["a pragma as a function", "SELECT * FROM pragma_database_list"],
    ["another file", "ATTACH DATABASE '/etc/passwd' AS other"],
    ["a copy", "VACUUM INTO '/tmp/holdfast-stolen.db'"],
    ["a transaction", "BEGIN EXCLUSIVE"],
    ["code to load", "SELECT load_extension('/tmp/x.so')"],
    ["a table for the moment", "CREATE TEMP TABLE t AS SELECT 1"],
    ["the tables of SQLite's own", "SELECT sql FROM sqlite_master"],
    ["the same by its other name", "SELECT sql FROM sqlite_schema"],
    ["two statements", "SELECT 1; DELETE FROM orders"],
    ["two that begin with a comment", "/* hi */ SELECT 1; /* x */ ; DELETE FROM orders"],
  ])("refuses %s, and nothing of it happens", async (_, sql) => {
    const { query, path } = start();
    const before = readFileSync(path);
    await expect(query(sql)).rejects.toMatchObject({ code: "TOOL_FAILED", executed: false });
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it.each([
    ["a table by itself", "SELECT word FROM secrets"],
    ["a table within a query", "SELECT id, (SELECT word FROM secrets) FROM orders"],
    ["a table behind a union", "SELECT id FROM orders UNION SELECT word FROM secrets"],
    [
      "a table in a condition",
      "SELECT id FROM orders WHERE EXISTS (SELECT 1 FROM secrets WHERE word LIKE 'c%')",
    ],
    ["the number of its rows", "SELECT count(*) FROM secrets"],
    ["a quoted table", 'SELECT word FROM "SECRETS"'],
    ["a column", "SELECT card FROM customers"],
    ["a column behind a star", "SELECT * FROM customers"],
    ["a column in an order", "SELECT name FROM customers ORDER BY card"],
    [
      "a column under the name of a table",
      "WITH orders AS (SELECT card FROM customers) SELECT * FROM orders",
    ],
    [
      "a table under the name of another",
      "WITH RECURSIVE Orders(a) AS MATERIALIZED (SELECT word FROM secrets) SELECT * FROM orders",
    ],
    ["a column that a join compares", "SELECT 1 FROM (SELECT '4111' AS card) JOIN customers USING (card)"],
    ["a table that a join compares", "SELECT 1 FROM (SELECT 'canary' AS word) JOIN secrets USING/**/(word)"],
    ["what a natural join compares", "SELECT 1 FROM (SELECT 'canary' AS word) naTural JOIN secrets"],
    [
      "a join behind a parameter that looks like text",
      "SELECT $a('), 1 FROM (SELECT 'canary' AS word) NATURAL JOIN secrets --')",
    ],
    ["a join behind what looks like a comment", "SELECT '--', 1 FROM orders \n NATURAL JOIN secrets"],
    ["a column by a join", "SELECT 1 FROM customers JOIN orders USING (id) WHERE card = '4111'"],
    ["a view that is not named", "SELECT * FROM spending"],
  ])("shows nothing outside of its tables: %s", async (_, sql) => {
    const { query } = start({ tables: ["orders", { name: "customers", columns: ["id", "name"] }] });
    await expect(query(sql)).rejects.toMatchObject({ executed: false });
    expect(
      await query("SELECT name, cents FROM customers JOIN orders ON customer = customers.id"),
    ).toMatchObject({
      rows: { length: 3 },
    });
  });

  it("shows what a view shows when the view is named", async () => {
    const { query } = start({ tables: ["spending"] });
    expect(await query("SELECT * FROM spending ORDER BY 1 LIMIT 1")).toMatchObject({ rows: [["Ann", 1200]] });
    await expect(query("SELECT card FROM customers")).rejects.toMatchObject({ executed: false });
  });

  it.each([
    "WITH spending AS (SELECT card FROM customers) SELECT * FROM spending",
    "WITH /* a */ [Spending] (card) AS NOT MATERIALIZED (SELECT card FROM customers) SELECT * FROM spending",
    "WITH 'spending' AS (SELECT card FROM customers) SELECT * FROM \"spending\"",
    "SELECT * FROM (WITH RECURSIVE `spending` AS (SELECT card FROM customers) SELECT * FROM spending)",
    "SELECT * FROM (SELECT card FROM customers) AS spending",
  ])("shows nothing under the name of a view that is named: %s", async (sql) => {
    const { query } = start({ tables: ["spending"] });
    await expect(query(sql)).rejects.toMatchObject({ executed: false });
    expect(await query("WITH a AS (SELECT * FROM spending) SELECT * FROM a")).toMatchObject({
      rows: { length: 2 },
    });
  });

  it("does not take text, names and comments for joins", async () => {
    const { query } = start({ tables: ["orders"] });
    expect(
      await query("SELECT 'natural', id AS \"using\", [id] /* NATURAL */ FROM orders -- USING (id)"),
    ).toMatchObject({ rows: { length: 3 } });
  });

  it("copies no table as a whole into one that may be seen", async () => {
    const path = shop();
    const database = new DatabaseSync(path);
    database.exec("CREATE TABLE copies (word TEXT)");
    database.close();
    const { tools } = start({ write: true, tables: ["copies"] }, path);
    const execute = (sql: string) => enter(tools, "database_execute", { input: { sql } });
    for (const star of ["*", "/* */ *", "ALL *"])
      await expect(execute(`INSERT INTO copies SELECT ${star} FROM secrets`)).rejects.toMatchObject({
        executed: false,
      });
    await expect(execute("INSERT INTO copies SELECT secrets.* FROM secrets")).rejects.toThrow(/prohibited/);
  });

  it.each([[undefined], [["texts"]]])("searches full text, and changes it, with tables %s", async (names) => {
    const path = shop();
    const database = new DatabaseSync(path);
    database.exec("CREATE VIRTUAL TABLE texts USING fts5(body); INSERT INTO texts VALUES ('hello world')");
    database.close();
    const { tools, query } = start({ write: true, ...(names === undefined ? {} : { tables: names }) }, path);
    const sql = "INSERT INTO texts VALUES ('hello again')";
    expect(await enter(tools, "database_execute", { input: { sql } })).toEqual({ changedRows: 1 });
    expect(await query("SELECT body FROM texts WHERE texts MATCH 'hello' ORDER BY rank")).toMatchObject({
      rows: { length: 2 },
    });
    await expect(query("PRAGMA data_version = 1")).rejects.toThrow();
  });

  it("E2 keeps nothing of a statement that failed, also where SQLite would", async () => {
    const path = shop();
    const database = new DatabaseSync(path);
    database.exec(`
      CREATE TABLE log (id INTEGER);
      CREATE TABLE child (id INTEGER REFERENCES customers (id) DEFERRABLE INITIALLY DEFERRED);
      CREATE TRIGGER logs AFTER INSERT ON orders BEGIN
        INSERT INTO log VALUES (new.id), (new.id);
        SELECT CASE WHEN new.cents = 13 THEN RAISE(FAIL, 'not thirteen') END;
      END`);
    database.close();
    const { tools, query } = start({ write: true, maxConnections: 1 }, path);
    const execute = (sql: string) => enter(tools, "database_execute", { input: { sql } });
    for (const sql of [
      "INSERT OR FAIL INTO orders VALUES (10, 1, 1), (1, 1, 1)",
      "INSERT OR ROLLBACK INTO orders VALUES (10, 1, 1), (1, 1, 1)",
      "INSERT INTO orders VALUES (10, 1, 1), (11, 1, 13)",
      // Noticed only when it is committed.
      "INSERT INTO child VALUES (99)",
    ])
      await expect(execute(sql)).rejects.toMatchObject({ executed: false });
    expect(
      await query(
        "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM log), (SELECT count(*) FROM child)",
      ),
    ).toMatchObject({ rows: [[3, 0, 0]] });
    // What the trigger wrote is not counted.
    expect(await execute("INSERT INTO orders VALUES (10, 1, 1)")).toEqual({ changedRows: 1 });
    expect(await execute("UPDATE orders SET cents = 0 WHERE id = 99")).toEqual({ changedRows: 0 });
    expect(await execute("SELECT count(*) FROM log")).toMatchObject({ changedRows: 0, rows: [[2]] });
  });

  it.each([
    "SELECT zeroblob(900000000)",
    "SELECT length(hex(zeroblob(490000000)))",
    "SELECT replace(hex(zeroblob(20000000)), '0', hex(zeroblob(1000)))",
    "SELECT printf('%.900000000d', 1)",
  ])("S2 does not let a statement take all memory: %s", async (sql) => {
    const { query } = start({ maxConnections: 1 });
    await expect(query(sql)).rejects.toMatchObject({
      executed: false,
      message: expect.stringContaining("too big") as string,
    });
    expect(await query("SELECT 3")).toMatchObject({ rows: [[3]] });
  });

  it("E6 ends a statement that is told to stop, and the next one finds a connection", async () => {
    const { tools, query } = start({ maxConnections: 1 });
    await query("SELECT 1");
    const stop = new AbortController();
    const sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    const running = enter(tools, "database_query", { input: { sql }, signal: stop.signal });
    const waiting = enter(tools, "database_query", { input: { sql: "SELECT 2" } });
    stop.abort(new Error("enough"));
    await expect(running).rejects.toMatchObject({ executed: false });
    expect(await waiting).toMatchObject({ rows: [[2]] });
    expect(held(tools)).toBe(1);
    await close(tools);
    expect(held(tools)).toBe(0);
    expect(await query("SELECT 3")).toMatchObject({ rows: [[3]] });
  });

  it("changes data where that was asked for, one statement at a time, all of it or nothing", async () => {
    const path = shop();
    const { tools, query } = start(
      // The foreign key of an order is looked up in what it refers to.
      { write: true, tables: ["orders", { name: "customers", columns: ["id"] }] },
      path,
    );
    const execute = (sql: string, params: readonly (string | number)[] = []) =>
      enter(tools, "database_execute", { input: { sql, params: [...params] } });
    expect(tools.map(({ name, policy }) => `${name} ${policy.effect}`)).toEqual([
      "database_schema read",
      "database_query read",
      "database_execute write",
    ]);
    expect(await execute("UPDATE orders SET cents = ? WHERE customer = ?", [1, 1])).toEqual({
      changedRows: 2,
    });
    expect(
      await execute("INSERT INTO orders (customer, cents) VALUES (?, 5) RETURNING id", [2]),
    ).toMatchObject({
      changedRows: 1,
      rows: [[4]],
    });
    await expect(query("DELETE FROM orders")).rejects.toMatchObject({ executed: false });
    await expect(execute("DELETE FROM secrets")).rejects.toMatchObject({ executed: false });
    await expect(execute("DROP TABLE orders")).rejects.toMatchObject({ executed: false });
    await expect(execute("INSERT INTO orders VALUES (10, 1, 1), (1, 1, 1)")).rejects.toThrow(/UNIQUE/);
    expect(await query("SELECT count(*) FROM orders")).toMatchObject({ rows: [[4]] });
  });

  it("asks before it changes anything, unless that was taken away", () => {
    expect(start({ write: true }).tools[2]).toHaveProperty("approval");
    expect(start({ write: true, needsApproval: false }).tools[2]).not.toHaveProperty("approval");
  });

  it("says what is wrong with a database that is none, and that another holds", async () => {
    await expect(start({}, join(folder, "none.db")).query("SELECT 1")).rejects.toMatchObject({
      message: expect.stringContaining("unable to open"),
      hint: expect.stringContaining("has to be there already"),
    });
    const path = join(folder, "rubbish.db");
    writeFileSync(path, "this is no database, but long enough to look like one. ".repeat(50));
    await expect(start({}, path).query("SELECT * FROM t")).rejects.toThrow(/not a database/);
    const locked = shop();
    const other = new DatabaseSync(locked);
    other.exec("BEGIN EXCLUSIVE");
    const { tools } = start({ write: true }, locked);
    await expect(
      enter(tools, "database_execute", { input: { sql: "DELETE FROM orders" } }),
    ).rejects.toMatchObject({ executed: false, failure: { retryable: true } });
    other.close();
  });

  it("S2 leaves no process behind when the one that reads is killed in the middle of a statement", async () => {
    const script = join(folder, "reader.mjs");
    const source = new URL("./sql-tools.ts", import.meta.url).href;
    writeFileSync(
      script,
      `const { sqlTools } = await import(${JSON.stringify(source)});
       const [, query] = sqlTools({ sqlite: ${JSON.stringify(shop())} });
       const sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
       void query.execute({ sql }, { signal: new AbortController().signal });
       const { execFileSync } = await import("node:child_process");
       const find = () => { try { return execFileSync("pgrep", ["-P", String(process.pid), "-f", "sqlite-host"], { encoding: "utf8" }).trim(); } catch { return ""; } };
       while (find() === "") ;
       process.send(find());`,
    );
    const parent = fork(script, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const child = await new Promise<string>(
      (resolve) => void parent.once("message", (pid: string) => resolve(pid)),
    );
    parent.kill("SIGKILL");
    const isAlive = (): boolean => spawnSync("kill", ["-0", child]).status === 0;
    for (let tries = 0; tries < 100 && isAlive(); tries += 1) execFileSync("sleep", ["0.05"]);
    expect(isAlive()).toBe(false);
  });

  it("E2 says that nothing was done where there are no descriptors left for a process", () => {
    const script = join(folder, "poor.mjs");
    const source = new URL("./sqlite-driver.ts", import.meta.url).href;
    writeFileSync(
      script,
      `const { openSync, closeSync } = await import("node:fs");
       const { SqliteDriver } = await import(${JSON.stringify(source)});
       const attempt = async () => {
         const driver = new SqliteDriver({ path: ${JSON.stringify(shop())}, isWritable: true, rules: null, maxConnections: 1 });
         const statement = { sql: "DELETE FROM secrets", params: [], maxRows: 1, maxChars: 9, timeoutMs: 9 };
         const signal = AbortSignal.timeout(20_000);
         await driver.write({ ...statement, signal }).finally(() => driver.close());
       };
       const held = [];
       const answers = [];
       for (const free of [0, 1, 3, 5]) {
         try { for (;;) held.push(openSync("/dev/null", "r")); } catch {}
         for (let i = 0; i < free; i += 1) closeSync(held.pop());
         answers.push(await attempt().then(() => "done", (error) => error.executed));
         held.splice(0).forEach((file) => closeSync(file));
       }
       await attempt();
       console.log(JSON.stringify(answers));
       process.exit(0);`,
    );
    const told = execFileSync("/bin/sh", ["-c", `ulimit -n 100; exec "$0" "$1"`, process.execPath, script]);
    expect(JSON.parse(told.toString())).toEqual([false, false, false, false]);
  });

  it("refuses a connection or an option that makes no sense", () => {
    expect(() => sqlTools({ sqlite: "" })).toThrow(/names no database/);
    expect(() => sqlTools({ postgres: "nowhere" })).toThrow(/names no database/);
    expect(() => sqlTools({ sqlite: "x" }, { maxRows: 0 })).toThrow(/maxRows/);
    expect(() => sqlTools({ sqlite: "x" }, { readonly: true } as never)).toThrow(/no option "readonly"/);
  });
});
