/**
 * Loaded before a program (`node --import`), this kills its process with SIGKILL around the n-th commit of
 * the journal: `before`, the commit is not in the database; `after`, it is, and nobody was told.
 *
 *   HOLDFAST_KILL_AT   number of the commit, from 1
 *   HOLDFAST_KILL      before | after
 *
 * Only the store's own thread is touched, and nothing of the program knows.
 */
import { createRequire, syncBuiltinESMExports } from "node:module";

const require = createRequire(import.meta.url);
const threads = require("node:worker_threads");
const sqlite = require("node:sqlite");

const at = Number(process.env["HOLDFAST_KILL_AT"] ?? 0);
const moment = process.env["HOLDFAST_KILL"] ?? "after";

const die = () => {
  process.kill(process.pid, "SIGKILL");
  // The signal is on its way; nothing of this process may run on.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
};

if (threads.isMainThread) {
  const { Worker } = threads;
  threads.Worker = class extends Worker {
    constructor(url, options = {}) {
      super(url, { ...options, execArgv: [...(options.execArgv ?? []), "--import", import.meta.url] });
    }
  };
  syncBuiltinESMExports();
} else if (at > 0) {
  const { exec } = sqlite.DatabaseSync.prototype;
  let commits = 0;
  let isWriting = false;
  sqlite.DatabaseSync.prototype.exec = function killing(sql) {
    if (sql === "BEGIN IMMEDIATE") isWriting = true;
    const isDeadly = isWriting && sql === "COMMIT" && (commits += 1) === at;
    if (isDeadly && moment === "before") die();
    const result = exec.call(this, sql);
    if (isDeadly) die();
    if (sql === "COMMIT" || sql === "ROLLBACK") isWriting = false;
    return result;
  };
}
