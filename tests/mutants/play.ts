/**
 * Plays seeds in a process of its own until one breaks a promise or its time is up, and says so in lines of JSON.
 * Time is the processor's, not the clock's: a busy machine must not let a mutant get away.
 */
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { simulate } from "holdfast/testing";

const { values } = parseArgs({
  options: {
    from: { type: "string", default: "1" },
    limit: { type: "string", default: "15" },
    "seed-limit": { type: "string", default: "10" },
  },
});

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

/** Ends the process when one seed takes far too long: the world stands still, or turns in a circle. */
const watch = (played: Int32Array, limitMs: number): void => {
  const worker = new Worker(
    `
    const { workerData } = require("node:worker_threads");
    const { writeSync } = require("node:fs");
    const { played, limitMs } = workerData;
    const spentMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1_000; };
    let last = -1;
    let since = spentMs();
    setInterval(() => {
      const seed = Atomics.load(played, 0);
      if (seed !== last) { last = seed; since = spentMs(); }
      if (spentMs() - since < limitMs) return;
      writeSync(1, JSON.stringify({ said: "stands still", seed }) + "\\n");
      process.kill(process.pid, "SIGKILL");
    }, 200);
  `,
    { eval: true, workerData: { played, limitMs } },
  );
  worker.unref();
};

const spentMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

const first = Number(values.from);
const played = new Int32Array(new SharedArrayBuffer(4));
Atomics.store(played, 0, first);
watch(played, Number(values["seed-limit"]) * 1_000);
say({ said: "ready" });
const begun = spentMs();
const isTimeLeft = (): boolean => spentMs() - begun < Number(values.limit) * 1_000;

for (let seed = first; isTimeLeft(); seed += 1) {
  Atomics.store(played, 0, seed);
  const { violations } = await simulate({ seed });
  say({ said: "played", seed });
  const [found] = violations;
  if (found === undefined) continue;
  say({ said: "found", seed, rule: found.rule, promise: found.promise, what: found.what });
  break;
}
process.exit(0);
