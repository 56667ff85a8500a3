/**
 * `node --conditions=holdfast-source bench/runaways.mjs`: how long a session waits for its answer beside other sessions whose code runs
 * away, as against a quiet machine. It needs a sandbox (`apt-get install bubblewrap python3`), and a machine that does nothing else.
 *
 * `--seconds 20` says how long each is measured; `--only cpu,forks` which harms; `--work plain,javascript` what the session does.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createRuntime, defineAgent, defineTool } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { codeTools } from "holdfast/tools";
import { z } from "zod";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    only: { type: "string", default: "" },
    work: { type: "string", default: "plain,javascript,bash" },
  },
});
const SECONDS = Number(values.seconds);
/** One run begins every so many milliseconds, whatever the others do. */
const EVERY_MS = 200;

/** What runs away: the tool, the code, and how often at once. */
const HARMS = {
  cpu: [2, "run_bash", "while :; do :; done"],
  cpus: [2, "run_bash", "for i in 1 2 3 4 5 6 7 8; do (while :; do :; done) & done; wait"],
  memory: [2, "run_python", "a = []\nwhile True: a.append(bytearray(1 << 20))"],
  forks: [1, "run_bash", ":() { : | : & }; :; sleep 1000"],
  output: [2, "run_bash", "yes"],
  disk: [2, "run_bash", "i=0; while :; do head -c 5M /dev/zero > f$i; i=$((i + 1)); done"],
  files: [1, "run_bash", "i=0; while :; do : > f$i; i=$((i + 1)); done"],
  javascript: [2, "run_javascript", "for (;;);"],
  "javascript memory": [2, "run_javascript", "const a = []; for (;;) a.push({ a: a.length })"],
  all: null,
};
HARMS.all = Object.values(HARMS).filter((harm) => harm !== null);

const WORK = {
  plain: ["look", {}],
  javascript: ["run_javascript", { code: "1 + 1" }],
  bash: ["run_bash", { code: "echo 2" }],
};

const look = defineTool()({
  name: "look",
  description: "Looks something up.",
  inputSchema: z.object({}),
  effect: "read",
  execute: () => ({ found: true }),
});

/** Calls what its input says, and is done. */
const model = scriptedModel(({ toolResults, lastUserText }) => {
  if (toolResults.length > 0) return { text: "done" };
  const [name, input] = JSON.parse(lastUserText);
  return { toolCalls: [{ name, input }] };
});

const languages = ["javascript", "python", "bash"];
const limits = { timeoutMs: 5_000, cpuSeconds: 5, memoryMb: 256, maxWorkspaceMb: 64 };
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const dataDir = await mkdtemp(join(tmpdir(), "holdfast-runaways-"));
const clerk = defineAgent({
  name: "clerk",
  instructions: "",
  model,
  tools: [look, ...codeTools({ languages, limits: { timeoutMs: 60_000 } })],
});
const vandal = defineAgent({
  name: "vandal",
  instructions: "",
  model,
  tools: codeTools({ languages, limits }),
});
const runtime = await createRuntime({ agents: [clerk, vandal], dataDir, logger: silent });

const work = async (what) => {
  const begun = performance.now();
  const session = await runtime.createSession(clerk, { tenant: "quiet" });
  const outcome = await (await session.send(JSON.stringify(what))).outcome();
  if (outcome.status !== "completed") throw new Error(`A session at work came to ${outcome.status}.`);
  return performance.now() - begun;
};

/** One after the other, until told to stop. */
const harm = async ([, name, code], isOver) => {
  while (!isOver()) {
    const session = await runtime.createSession(vandal, { tenant: "vandals" });
    await (await session.send(JSON.stringify([name, { code }]))).outcome();
  }
};

const measure = async (what, harms) => {
  let isOver = false;
  const running = harms.flatMap((each) => Array.from({ length: each[0] }, () => harm(each, () => isOver)));
  await new Promise((resolve) => setTimeout(resolve, harms.length === 0 ? 0 : 2_000));
  const began = performance.now();
  const runs = [];
  for (let next = 0; next < (SECONDS * 1_000) / EVERY_MS; next += 1) {
    const wait = began + next * EVERY_MS - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    runs.push(work(what));
  }
  const times = (await Promise.all(runs)).toSorted((a, b) => a - b);
  isOver = true;
  await Promise.all(running);
  // By nearest rank.
  const quantile = (share) => times[Math.ceil(times.length * share) - 1];
  return { p50: quantile(0.5), p99: quantile(0.99) };
};

const only = values.only === "" ? Object.keys(HARMS) : values.only.split(",");
console.log(
  `load before: ${loadavg()[0].toFixed(2)}; each measured for ${SECONDS} s, a run every ${EVERY_MS} ms`,
);
for (const kind of values.work.split(",")) {
  const what = WORK[kind];
  for (let warm = 0; warm < 10; warm += 1) await work(what);
  const quiet = await measure(what, []);
  console.log(`${kind}: quiet p50 ${quiet.p50.toFixed(1)} ms, p99 ${quiet.p99.toFixed(1)} ms`);
  for (const name of only) {
    const { p50, p99 } = await measure(what, name === "all" ? HARMS.all : [HARMS[name]]);
    const ratio = (p99 / quiet.p99).toFixed(2);
    console.log(
      `  beside ${name}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${ratio} times the quiet p99`,
    );
  }
}
await runtime.close();
await rm(dataDir, { recursive: true, force: true });
