/** The least that a thread can do to make the same bytes durable: one table, one insert an event. */
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";

const { path, transactions } = workerData;
const db = new DatabaseSync(path);
db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4096;
  CREATE TABLE events (id INTEGER PRIMARY KEY, sid INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL,
    header TEXT NOT NULL, salt BLOB, payload TEXT) STRICT;`);
const insert = db.prepare(
  "INSERT INTO events (sid, position, hash, header, salt, payload) VALUES (?, ?, ?, ?, ?, ?)",
);

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
