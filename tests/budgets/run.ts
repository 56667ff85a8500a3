/**
 * Runs with limits in money against a provider that keeps books of its own: `npm run budgets -- --runs 10000`.
 * Exits 1 when one was billed more than its limit, or when fewer than 95 % of those that cost at most four fifths
 * of their limit came to their end.
 */
import { parseArgs } from "node:util";
import { playRuns } from "./play-run.ts";
import { Provider } from "./provider.ts";
import { tallyOf } from "./tally.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    parallel: { type: "string", default: "24" },
  },
});

const LEAST_SHARE = 0.95;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const begun = performance.now();
const played = await playRuns(
  new Provider(),
  { from: Number(values.from), runs: Number(values.runs), parallel: Number(values.parallel) },
  (count) => {
    if (count % 1_000 === 0) say(`${count} runs`);
  },
);

const tally = tallyOf(played);
const share = tally.affordableDone / Math.max(1, tally.affordable);
say(
  `${tally.runs} runs in ${Math.round((performance.now() - begun) / 1_000)} s, ${tally.billedUsd.toFixed(2)} dollars billed, ${tally.abortedStreams} streams broken off`,
);
say(`${tally.stopped} ended by their limit, ${tally.otherFailures.length} by their provider`);
say(`${tally.over.length} billed more than their limit`);
say(
  `${tally.affordableDone} of ${tally.affordable} that cost at most 80 % of their limit came to their end: ${(share * 100).toFixed(2)} %`,
);
say(`${tally.closeDone} of the ${tally.close} of them that cost more than 40 %`);
for (const one of tally.over.slice(0, 5)) say(`over: ${JSON.stringify(one)}`);
for (const one of tally.otherFailures.slice(0, 3)) say(`failed: ${JSON.stringify(one)}`);
process.exitCode = tally.over.length === 0 && share >= LEAST_SHARE ? 0 : 1;
