/** The least that a thread can do to make the same bytes durable: one table, one insert an event. */
import { parentPort, workerData } from "node:worker_threads";
import { openBare } from "./parts/bare-sqlite.mjs";

const { path, transactions } = workerData;
const { db, insert } = openBare(path);

parentPort.on("message", () => {
  const thread = process.threadCpuUsage();
  const begun = performance.now();
  for (const rows of transactions) {
    db.exec("BEGIN IMMEDIATE");
    for (const row of rows) insert.run(...row);
    db.exec("COMMIT");
  }
  const wallMs = performance.now() - begun;
  const { user, system } = process.threadCpuUsage(thread);
  parentPort.postMessage({ wallMs, threadMs: (user + system) / 1000 });
});
