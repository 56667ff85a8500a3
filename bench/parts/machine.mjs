/** The machine and the versions, without a name that would tell whose they are. */
import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { BENCH } from "./set-up.mjs";
import { spread, table } from "./statistics.mjs";

const SYNCS = 200;

/** What it takes to append 4 KB to a file and have it on the disk, in milliseconds. */
const syncMs = (workDir) => {
  const path = join(workDir, "sync-probe");
  const file = openSync(path, "w");
  const block = new Uint8Array(4096).fill(7);
  const samples = [];
  for (let index = 0; index < SYNCS; index += 1) {
    const begun = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    samples.push(performance.now() - begun);
  }
  closeSync(file);
  rmSync(path);
  return samples;
};

const PEERS = [
  "ai",
  "@ai-sdk/provider",
  "@langchain/langgraph",
  "@langchain/langgraph-checkpoint-sqlite",
  "better-sqlite3",
  "zod",
];

const versionOf = (name) =>
  JSON.parse(readFileSync(join(BENCH, "node_modules", name, "package.json"), "utf8")).version;

export const describeMachine = (workDir) => {
  const [cpu] = cpus();
  return table(
    ["", ""],
    [
      ["date", new Date().toISOString().slice(0, 10)],
      ["command", "`npm run bench`"],
      ["CPU", `${cpu.model.trim()}, ${cpus().length} cores`],
      ["memory", `${(totalmem() / 2 ** 30).toFixed(1)} GB`],
      ["system", `${process.platform} ${process.arch}`],
      [`disk: append 4 KB + fdatasync, ms (${SYNCS} times)`, spread(syncMs(workDir))],
      ["Node", `${process.versions.node}, SQLite ${process.versions.sqlite}`],
      ["peers", PEERS.map((name) => `${name} ${versionOf(name)}`).join(", ")],
      ["holdfast", versionOf("holdfast")],
    ],
  );
};
