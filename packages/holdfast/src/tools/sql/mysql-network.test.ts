import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { DefinedTool } from "../../definitions/define-tool.ts";
import { findMariadb, startMariadb, type MariadbServer } from "./mysql-server.fixture.ts";
import { close, enter, held } from "./sql-tools.fixture.ts";
import { sqlTools, type SqlToolsOptions } from "./sql-tools.ts";

const programs = findMariadb();
const hasOpenssl = ["/usr/bin/openssl", "/usr/local/bin/openssl"].some((path) => existsSync(path));
const folder = mkdtempSync(join(tmpdir(), "holdfast-mysql-tls-"));
const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")];

/** The server of these tests, once it is there: its certificate is for `localhost` alone. */
const world: { server: MariadbServer | null } = { server: null };
const server = (): MariadbServer => {
  if (world.server === null) throw new TypeError("The server is not there.");
  return world.server;
};

/** Signs itself, for one name. */
const certify = (name: string, { key: to, certificate: out }: { key: string; certificate: string }): void => {
  const asked = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", `/CN=${name}`];
  asked.push("-addext", `subjectAltName=DNS:${name}`, "-keyout", to, "-out", out);
  execFileSync("openssl", asked, { stdio: "ignore" });
  chmodSync(to, 0o644);
};

beforeAll(async () => {
  if (programs === null || !hasOpenssl) return;
  certify("localhost", { key, certificate });
  chmodSync(folder, 0o711);
  world.server = await startMariadb(programs, [`--ssl-cert=${certificate}`, `--ssl-key=${key}`]);
  await world.server.ask(`
    CREATE TABLE orders (id int PRIMARY KEY, cents int);
    INSERT INTO orders VALUES (1, 500);
    CREATE USER writer IDENTIFIED BY 'writer' REQUIRE SSL;
    GRANT SELECT, UPDATE ON orders TO writer;
  `);
}, 120_000);

afterAll(async () => {
  await world.server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const opened: (readonly DefinedTool[])[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(close));
});

const start = (
  query: string,
  { host = "localhost", ...options }: SqlToolsOptions & { host?: string } = {},
) => {
  const tools = sqlTools({ mysql: `mysql://writer:writer@${host}:${server().port}/shop?${query}` }, options);
  opened.push(tools);
  return {
    tools,
    query: (sql: string, signal?: AbortSignal) =>
      enter(tools, "database_query", { input: { sql }, ...(signal && { signal }) }),
    execute: (sql: string) => enter(tools, "database_execute", { input: { sql } }),
  };
};

const trusted = `ssl-ca=${encodeURIComponent(certificate)}`;

const workOf = async (): Promise<number> =>
  Number(
    (
      await server().ask(
        "SELECT count(*) FROM information_schema.processlist WHERE user = 'writer' AND info LIKE '%sleep%'",
      )
    )[0]?.[0],
  );

// Debian's packages mariadb-server and openssl bring what these need; without them none of this is tested.
describe.skipIf(programs === null || !hasOpenssl)("sqlTools over MariaDB and a network", () => {
  it("talks by TLS as its URL says, and looks at the certificate as far as it says", async () => {
    for (const url of [
      "ssl-mode=REQUIRED",
      `ssl-mode=VERIFY_CA&${trusted}`,
      `ssl-mode=VERIFY_IDENTITY&${trusted}`,
    ])
      expect(await start(url).query("SELECT 1")).toMatchObject({ rows: [[1]] });
    expect(
      await start(`ssl-mode=VERIFY_CA&${trusted}`, { host: "127.0.0.1" }).query("SELECT 1"),
    ).toMatchObject({
      rows: [[1]],
    });
    await expect(start("ssl-mode=VERIFY_CA").query("SELECT 1")).rejects.toThrow(/self-signed/);
    await expect(start("").query("SELECT 1")).rejects.toThrow(/Access denied/);
  });

  it("says which file of its URL cannot be read", async () => {
    await expect(start("ssl-mode=VERIFY_CA&ssl-ca=/nowhere/ca.pem").query("SELECT 1")).rejects.toMatchObject({
      code: "DEFINITION_INVALID",
      message: expect.stringContaining("/nowhere/ca.pem"),
    });
  });

  it("E6 ends statements, limits answers and closes over TLS as without it", async () => {
    const { tools, query } = start("ssl-mode=REQUIRED", { maxConnections: 1 });
    const stop = new AbortController();
    const running = query("SELECT sleep(600)", stop.signal);
    while ((await workOf()) === 0);
    stop.abort(new Error("enough"));
    await expect(running).rejects.toMatchObject({ executed: false });
    while ((await workOf()) > 0);
    await expect(
      query("SELECT a.x, a.x, a.x, a.x FROM (SELECT repeat('x', 10000000) AS x) a"),
    ).rejects.toMatchObject({ message: expect.stringContaining("Ask for fewer columns or rows") });
    expect(await query("SELECT 1")).toMatchObject({ rows: [[1]] });
    await close(tools);
    expect(held(tools)).toBe(0);
  });

  it("E2 does not know of a change whose server died, and knows that a read did nothing", async () => {
    if (programs === null) return;
    const files = { key: join(folder, "other-key.pem"), certificate: join(folder, "other.pem") };
    certify("elsewhere.test", files);
    const dying = await startMariadb(programs, [`--ssl-cert=${files.certificate}`, `--ssl-key=${files.key}`]);
    const other = (mode: string) => {
      const url = `mysql://mortal:mortal@localhost:${dying.port}/shop?ssl-mode=${mode}&ssl-ca=${encodeURIComponent(files.certificate)}`;
      const made = sqlTools({ mysql: url });
      opened.push(made);
      return enter(made, "database_query", { input: { sql: "SELECT 1" } });
    };
    await dying.ask(`
      CREATE TABLE orders (id int PRIMARY KEY, cents int);
      INSERT INTO orders VALUES (1, 500);
      CREATE USER mortal IDENTIFIED BY 'mortal';
      GRANT SELECT, UPDATE ON orders TO mortal;
    `);
    // Its certificate is good, and for somebody else.
    expect(await other("VERIFY_CA")).toMatchObject({ rows: [[1]] });
    await expect(other("VERIFY_IDENTITY")).rejects.toMatchObject({
      message: expect.stringContaining("elsewhere.test"),
      executed: false,
      hint: expect.any(String),
    });
    const tools = sqlTools({ mysql: `mysql://mortal:mortal@127.0.0.1:${dying.port}/shop` }, { write: true });
    opened.push(tools);
    const run = (tool: string, sql: string) =>
      enter(tools, tool, { input: { sql } }).catch((thrown: unknown) => thrown);
    const read = run("database_query", "SELECT sleep(600)");
    const write = run("database_execute", "UPDATE orders SET cents = 1 WHERE sleep(600) IS NOT NULL");
    const count =
      "SELECT count(*) FROM information_schema.processlist WHERE user = 'mortal' AND info LIKE '%sleep%'";
    while (Number((await dying.ask(count))[0]?.[0]) < 2);
    await dying.kill();
    expect(await read).toMatchObject({ code: "TOOL_FAILED", executed: false });
    expect(await write).toMatchObject({ code: "TOOL_FAILED", executed: undefined });
    expect(await run("database_query", "SELECT 1")).toMatchObject({
      message: expect.stringContaining("cannot be reached"),
      executed: false,
    });
  });
});

describe("sqlTools over what is no MySQL", () => {
  it.each([
    ["speaks of something else", "HTTP/1.1 400 Bad Request\r\n\r\n"],
    ["begins a packet that has no end", "\xff\xff\xff\0"],
    ["says that it is a server, and no more", "\x05\0\0\0\x0a8.0\0"],
    ["closes at once", null],
  ])("refuses a server that %s", async (_, greeting) => {
    const other = createServer((socket) => {
      socket.on("error", () => undefined);
      if (greeting === null) socket.destroy();
      else socket.end(Buffer.from(greeting, "latin1"));
    });
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    const tools = sqlTools({
      mysql: `mysql://a:s3cret@127.0.0.1:${(other.address() as AddressInfo).port}/shop`,
    });
    opened.push(tools);
    const told = await enter(tools, "database_query", { input: { sql: "SELECT 1" } }).catch(
      (thrown: unknown) => thrown,
    );
    expect(told).toMatchObject({ code: "TOOL_FAILED", executed: false });
    expect(String(told)).not.toContain("s3cret");
    await close(tools);
    expect(held(tools)).toBe(0);
    other.close();
  });
});
