/** What it takes up: bytes on disk, memory, time until it is there. */
import { join } from "node:path";
import { bytesIn } from "../parts/bytes-in.mjs";
import { openHost, run } from "../parts/child.mjs";
import { BENCH } from "../parts/set-up.mjs";
import { spread, table } from "../parts/statistics.mjs";

const HOST = new URL("../peer-host.mjs", import.meta.url);
const START_RUNS = 10;

const measureStored = async ({ sessions, turns }, workDir) => {
  const dataDir = join(workDir, `stored-${sessions}-${turns}`);
  const host = openHost(HOST, { peer: "holdfast", turns, dataDir });
  const before = await host.ask({ sessions: 0, rounds: 0 });
  const { rssBytes } = await host.ask({ sessions, rounds: 1 });
  await host.close();
  const kb = bytesIn(dataDir) / 1024 / (sessions * turns);
  return { sessions, turns, kb, before: before.rssBytes, after: rssBytes };
};

const timeOf = async (args) => {
  const begun = performance.now();
  const { stdout } = await run(process.execPath, args, { cwd: BENCH });
  return { ms: performance.now() - begun, stdout };
};

const IMPORT = `const begun = performance.now(); await import("holdfast"); console.log(performance.now() - begun);`;
const CLI = "node_modules/holdfast/dist/cli.js";

const measureStart = async () => {
  const samples = { node: [], load: [], help: [] };
  for (let index = 0; index <= START_RUNS; index += 1) {
    const node = await timeOf(["-e", "0"]);
    const load = Number((await timeOf(["--input-type=module", "-e", IMPORT])).stdout);
    const help = await timeOf([CLI, "--help"]);
    // The first brings the files into memory.
    if (index === 0) continue;
    samples.node.push(node.ms);
    samples.load.push(load);
    samples.help.push(help.ms);
  }
  return samples;
};

const startRows = (samples) => [
  ['`import("holdfast")` in a fresh process, ms', spread(samples.load)],
  ["`holdfast --help`, from start to exit, ms", spread(samples.help)],
  ["for comparison: `node -e 0`, from start to exit, ms", spread(samples.node)],
];

const mb = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MB`;

/** The first level of each length is the one that the target is about. */
const LEVELS = [
  { sessions: 64, turns: 20 },
  { sessions: 8, turns: 400 },
  { sessions: 4, turns: 2_000 },
  { sessions: 512, turns: 20 },
];

export const benchFootprint = async ({ workDir, say }) => {
  const stored = [];
  for (const level of LEVELS) {
    say(`bytes and memory of ${level.sessions} sessions of ${level.turns} turns`);
    stored.push(await measureStored(level, workDir));
  }
  say("time to start");
  const start = await measureStart();
  const kbOf = (turns) => stored.find((level) => level.turns === turns).kb;
  const kbs = [kbOf(20), kbOf(400), kbOf(2_000)];
  const head = ["sessions", "turns each", "on disk after close, a turn", "RSS before", "RSS after"];
  const rows = stored.map(({ sessions, turns, kb, before, after }) => [
    sessions,
    turns,
    `${kb.toFixed(2)} KB`,
    mb(before),
    mb(after),
  ]);
  const text = `## What it takes up

The whole data directory after \`close\`, divided by turns; a turn's own content is about 1.1 KB, of which 1 KB is the
tool's result. RSS is that of the whole process, the store's thread included.

${table(head, rows)}

Fresh processes, ${START_RUNS} each after one that is not counted, alternating.

${table(["", "median (min–max)"], startRows(start))}`;
  const measured = {
    "disk-20": { at: { turns: 20 }, values: [kbs[0]] },
    "disk-400": { at: { turns: 400 }, values: [kbs[1]] },
    "disk-2000": { at: { turns: 2_000 }, values: [kbs[2]] },
    "disk-flat": { at: { turns: 2_000, beside: 20 }, values: [Math.max(...kbs) / Math.min(...kbs)] },
    import: { at: {}, values: start.load },
    help: { at: {}, values: start.help },
  };
  return { text, measured };
};
