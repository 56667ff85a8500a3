/** The least that a thread can do to make the same bytes durable, commit by commit: it answers when each is on disk. */
import { parentPort, workerData } from "node:worker_threads";
import { openBare } from "./parts/bare-sqlite.mjs";

const { db, insert } = openBare(workerData.path);

parentPort.on("message", (rows) => {
  db.exec("BEGIN IMMEDIATE");
  for (const row of rows) insert.run(...row);
  db.exec("COMMIT");
  parentPort.postMessage(rows.length);
});
