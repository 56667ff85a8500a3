/** One session alone: what a turn takes beyond the two commits that no durable runtime can do without. */
import { join } from "node:path";
import { openHost } from "../parts/child.mjs";
import { percentile, spread, table } from "../parts/statistics.mjs";

const HOST = new URL("../alone-host.mjs", import.meta.url);
const TURNS = 200;
const RUNS = 7;
const WARM_UPS = 8;
const PARTS = ["record", "bare", "whole"];

export const benchAlone = async ({ workDir, say }) => {
  say("one session alone");
  const host = openHost(HOST, { turns: TURNS, dataDir: join(workDir, "alone") });
  const p50 = Object.fromEntries(PARTS.map((part) => [part, []]));
  for (let round = 0; round < WARM_UPS + RUNS; round += 1) {
    for (const part of PARTS) {
      const times = await host.ask({ part });
      if (times.length < TURNS - 2) throw new Error(`There were ${times.length} turns, not ${TURNS}.`);
      if (round >= WARM_UPS) p50[part].push(percentile(times, 0.5));
    }
  }
  await host.close();
  const beyond = p50.whole.map((ms, index) => ms - p50.bare[index]);
  const rows = [
    ["**a turn of Holdfast**, from one model call to the next", spread(p50.whole)],
    ["its two commits, as they took in the store of a run that was recorded", spread(p50.record)],
    ["two commits of the same bytes by a bare `node:sqlite` thread", spread(p50.bare)],
    ["**beyond the bare commits**", `**${spread(beyond)}**`],
  ];
  const text = `## One session alone, ${TURNS} turns

What a turn takes when nothing else goes on, one subscriber, default options; the tool and the model answer at once. The bare
thread gets the events of the recorded run, two transactions a turn, each posted to it and waited for. The p50 of the
turns of a run; median (min–max) of ${RUNS} runs that alternate with the others.

${table(["", "p50, ms"], rows)}`;
  return { text, measured: { alone: { at: { sessions: 1 }, values: beyond } } };
};
