import { AssertionError } from "node:assert";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import mysql from "mysql2/promise";
import { freePort } from "../../definitions/free-port.fixture.ts";

type Programs = { readonly install: string; readonly server: string };

/** MariaDB's programs, where the system has them (Debian: mariadb-server); null where it has none. */
export const findMariadb = (): Programs | null => {
  const find = (...names: readonly string[]): string | undefined =>
    ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]
      .flatMap((folder) => names.map((name) => join(folder, name)))
      .find((path) => existsSync(path));
  const install = find("mariadb-install-db");
  const server = find("mariadbd");
  return install === undefined || server === undefined ? null : { install, server };
};

/** A user without rights, as whom the server runs where these tests run as root. */
const NOBODY = 65_534;

export type MariadbServer = {
  readonly port: number;
  readonly socket: string;
  /** Asks as its superuser, several statements at a time too. */
  ask(sql: string, params?: readonly string[]): Promise<readonly (readonly unknown[])[]>;
  stop(): Promise<void>;
  /** As when its machine dies. */
  kill(): Promise<void>;
};

/** A server with data of its own in a temporary folder, and a database `shop`; never the system's service. */
export const startMariadb = async (
  { install, server }: Programs,
  more: readonly string[] = [],
): Promise<MariadbServer> => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-mariadb-"));
  const as = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const data = join(folder, "data");
  const socket = join(data, "server.sock");
  mkdirSync(data);
  chmodSync(folder, 0o711);
  if ("uid" in as) chownSync(data, NOBODY, NOBODY);
  await promisify(execFile)(
    install,
    ["--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=normal", "--skip-test-db"],
    { ...as, cwd: data },
  );
  const port = await freePort();
  const running = spawn(
    server,
    [
      "--no-defaults",
      `--datadir=${data}`,
      `--socket=${socket}`,
      `--port=${port}`,
      "--bind-address=127.0.0.1",
      `--pid-file=${join(data, "server.pid")}`,
      `--log-error=${join(data, "server.log")}`,
      "--innodb-flush-log-at-trx-commit=0",
      "--innodb-buffer-pool-size=32M",
      "--skip-name-resolve",
      ...more,
    ],
    { ...as, cwd: data, stdio: "ignore" },
  );
  const gone = once(running, "exit");
  const admin = await untilReady({
    socket,
    isGone: () => running.exitCode !== null,
    log: join(data, "server.log"),
  });
  await admin.query("CREATE DATABASE shop; USE shop");
  const end = async (signal: "SIGTERM" | "SIGKILL"): Promise<void> => {
    admin.destroy();
    running.kill(signal);
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  return {
    port,
    socket,
    ask: async (sql, params = []) => {
      const [rows] = await admin.query<mysql.RowDataPacket[][]>(sql, [...params]);
      return rows;
    },
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
};

type Starting = { readonly socket: string; readonly isGone: () => boolean; readonly log: string };

const untilReady = async ({ socket, isGone, log }: Starting): Promise<mysql.Connection> => {
  for (;;) {
    try {
      return await mysql.createConnection({
        socketPath: socket,
        user: "root",
        multipleStatements: true,
        rowsAsArray: true,
      });
    } catch (thrown) {
      if (isGone())
        throw new AssertionError({
          message: `MariaDB did not start: ${readFileSync(log, "utf8")}`,
          actual: thrown,
        });
    }
  }
};
