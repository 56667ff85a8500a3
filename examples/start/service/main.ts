/**
 * The findings desk: a small HTTP service in a process of its own. It keeps its own log, outlives who uses
 * it, and fails now and then, on purpose. Usage: node service/main.ts <directory> <seed>
 */
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createClients } from "./clients.ts";
import { createDesk } from "./desk.ts";
import { openEffectLog } from "./effect-log.ts";
import { createRequestHandler } from "./handle-request.ts";
import { holdLock } from "./hold-lock.ts";

const IDLE_MS = 15 * 60_000;
const CHECK_MS = 5_000;

const [directory, seed = "holdfast"] = process.argv.slice(2);
if (directory === undefined) {
  process.stderr.write("Usage: node service/main.ts <directory> [seed]\n");
  process.exit(2);
}

// Another desk works in this directory already: it serves everyone.
if (!holdLock(join(directory, "desk.lock"))) process.exit(0);

const place = join(directory, "desk.json");
const log = openEffectLog(join(directory, "effects.jsonl"));
const clients = createClients();
const stop = (): void => {
  rmSync(place, { force: true });
  log.close();
  process.exit(0);
};
const server = createServer(createRequestHandler({ desk: createDesk(log), clients, seed, stop }));

server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  writeFileSync(`${place}.new`, JSON.stringify({ url: `http://127.0.0.1:${port}`, pid: process.pid }));
  renameSync(`${place}.new`, place);
});
process.once("SIGTERM", stop);
setInterval(() => {
  // Nobody comes any more, or nobody can find it any more.
  if (clients.idleMs() > IDLE_MS || !existsSync(place)) stop();
}, CHECK_MS);
