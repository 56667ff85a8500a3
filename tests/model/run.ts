/**
 * Random sequences of everything that can happen to a session, held against a reference of it:
 * `npm run model -- --steps 100000 --seed 1`. Exits 1 when they disagree.
 */
import { parseArgs } from "node:util";
import { playSequences } from "./sequences.ts";
import { STATES } from "./coverage.ts";

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    disk: { type: "boolean", default: false },
    table: { type: "boolean", default: false },
    /** Shows the sequence in which they disagree as it was drawn, and says how far it is. */
    unshrunk: { type: "boolean", default: false },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const begun = performance.now();
const played = await playSequences({
  seed: Number(values.seed),
  steps: Number(values.steps),
  where: values.disk ? "disk" : "memory",
  isShrunk: !values.unshrunk,
  onProgress: (steps) => {
    if (values.unshrunk) say(`${steps} steps`);
  },
});
const tookS = (performance.now() - begun) / 1_000;
say(`${played.steps} steps in ${played.sequences} sequences, ${tookS.toFixed(0)} s`);
if (values.table) {
  say(`| | ${STATES.join(" | ")} |`);
  for (const [step, row] of played.coverage.counts)
    say(`| ${step} | ${STATES.map((state) => row.get(state) ?? 0).join(" | ")} |`);
}
if (played.disagreement !== null) say(played.disagreement);
/** In so many steps each signal has met each state. */
const ENOUGH_STEPS = 100_000;
const missing = played.steps < ENOUGH_STEPS ? [] : played.coverage.missing();
for (const pair of missing) say(`never drawn: ${pair}`);
process.exitCode = played.disagreement === null && missing.length === 0 ? 0 : 1;
