/**
 * `npm run bench`: builds and packs Holdfast, installs it beside its peers, measures, writes RESULTS.md.
 * `npm run bench -- turns layers` runs only the named benches and prints them; with `--keep` what they
 * measured takes its place in RESULTS.md.
 */
import { readFile, writeFile, rm } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { benchAlone } from "./benches/alone.mjs";
import { benchCancels } from "./benches/cancels.mjs";
import { benchColdStart } from "./benches/cold-start.mjs";
import { benchDeltas } from "./benches/deltas.mjs";
import { benchFootprint } from "./benches/footprint.mjs";
import { benchIsolation } from "./benches/isolation.mjs";
import { benchLanggraph } from "./benches/langgraph.mjs";
import { benchLayers } from "./benches/layers.mjs";
import { benchLong } from "./benches/long.mjs";
import { benchProfile } from "./benches/profile.mjs";
import { benchApprovals, benchSuspended } from "./benches/suspended.mjs";
import { benchTurns } from "./benches/turns.mjs";
import { describeMachine } from "./parts/machine.mjs";
import { BENCH, setUp } from "./parts/set-up.mjs";
import { mergeResults } from "./parts/merge-results.mjs";
import { judge, notesFor, verdictTable } from "./parts/verdicts.mjs";
import { TARGETS } from "./targets.mjs";

const BENCHES = {
  turns: benchTurns,
  deltas: benchDeltas,
  langgraph: benchLanggraph,
  long: benchLong,
  alone: benchAlone,
  "cold-start": benchColdStart,
  suspended: benchSuspended,
  approvals: benchApprovals,
  cancels: benchCancels,
  isolation: benchIsolation,
  footprint: benchFootprint,
  layers: benchLayers,
  profile: benchProfile,
};

const begun = performance.now();
const say = (what) =>
  console.error(`[${((performance.now() - begun) / 1000).toFixed(0).padStart(4)} s] ${what}`);

const isKept = process.argv.includes("--keep");
const asked = process.argv.slice(2).filter((word) => word !== "--keep");
const unknown = asked.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`There is no bench "${unknown[0]}". There are: ${Object.keys(BENCHES).join(", ")}.`);
  process.exit(1);
}
const ran = Object.keys(BENCHES).filter((name) => asked.length === 0 || asked.includes(name));

const notesText = await readFile(join(BENCH, "NOTES.md"), "utf8");
// A heading that is no target is refused now, not after a quarter of an hour.
notesFor([], { notes: notesText, targets: TARGETS });

const workDir = await setUp(say);
const busy = loadavg()[0];
const machine = describeMachine(workDir);
const sections = [];
const verdicts = [];
for (const name of ran) {
  const { text, measured: own = {} } = await BENCHES[name]({ workDir, say });
  // Said as soon as it is known: one that fails later takes nothing with it.
  if (asked.length === 0) console.error(`\n${text}\n`);
  sections.push(text);
  verdicts.push(...judge(TARGETS, { measured: own, ran: [name] }));
}
await rm(workDir, { recursive: true, force: true });

const notes = notesFor(verdicts, { notes: notesText, targets: TARGETS });
const reached = verdicts.filter(({ isReached }) => isReached).length;
const isQuiet = busy < 0.7;
const parts = [
  "# Results",
  "Written by `npm run bench`; see [README.md](README.md) for what is measured and how. Do not edit.",
  isQuiet
    ? ""
    : `**Other processes were running when this began (load ${busy.toFixed(1)}): trust the ratios, not the absolute figures.**`,
  verdicts.length === 0
    ? ""
    : `## Targets\n\n${reached} of ${verdicts.length} reached. \`npm run bench -- BENCH\` runs one bench alone.\n\n${verdictTable(verdicts)}`,
  notes === "" ? "" : `## What was not reached, why, and what was tried\n\n${notes}`,
  `## Machine\n\n${machine}`,
  ...sections,
];
const text = `${parts.filter((part) => part !== "").join("\n\n")}\n`;
if (asked.length === 0) {
  await writeFile(join(BENCH, "RESULTS.md"), text);
  say("wrote bench/RESULTS.md");
} else {
  console.log(text);
  if (isKept) {
    const old = await readFile(join(BENCH, "RESULTS.md"), "utf8");
    const stamp = `Measured apart from the rest, on ${new Date().toISOString().slice(0, 10)}, at a load of ${busy.toFixed(1)} before it began.`;
    const order = TARGETS.map(({ what }) => what);
    await writeFile(join(BENCH, "RESULTS.md"), mergeResults(old, text, { order, stamp }));
    say(`put ${asked.join(", ")} into bench/RESULTS.md`);
  }
}
// A target without a verdict is a fault of the bench. What was measured is kept all the same.
const unjudged = verdicts.filter(({ problem }) => problem !== null);
for (const { target, problem } of unjudged)
  console.error(`The target "${target.key}" was not judged: ${problem}.`);
if (unjudged.length > 0) process.exitCode = 1;
