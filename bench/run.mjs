/**
 * `npm run bench`: builds and packs Holdfast, installs it beside its peers, measures, writes RESULTS.md.
 * `npm run bench -- turns layers` runs only the named benches and prints them.
 */
import { writeFile, rm } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { benchFootprint } from "./benches/footprint.mjs";
import { benchLayers } from "./benches/layers.mjs";
import { benchProfile } from "./benches/profile.mjs";
import { benchTurns } from "./benches/turns.mjs";
import { BENCH, setUp } from "./parts/set-up.mjs";
import { describeMachine } from "./parts/machine.mjs";

const BENCHES = { turns: benchTurns, layers: benchLayers, profile: benchProfile, footprint: benchFootprint };

const begun = performance.now();
const say = (what) =>
  console.error(`[${((performance.now() - begun) / 1000).toFixed(0).padStart(4)} s] ${what}`);

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`There is no bench "${unknown[0]}". There are: ${Object.keys(BENCHES).join(", ")}.`);
  process.exit(1);
}

const workDir = await setUp(say);
const busy = loadavg()[0];
const machine = describeMachine(workDir);
const sections = [];
for (const [name, bench] of Object.entries(BENCHES)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  sections.push(await bench({ workDir, say }));
}
await rm(workDir, { recursive: true, force: true });

const isQuiet = busy < 0.7;
const text = `# Results

Written by \`npm run bench\`; see [README.md](README.md) for what is measured and how. Do not edit.
${isQuiet ? "" : `\n**Other processes were running when this began (load ${busy.toFixed(1)}): trust the ratios, not the absolute figures.**\n`}
${machine}

${sections.join("\n\n")}
`;
if (asked.length === 0) {
  await writeFile(join(BENCH, "RESULTS.md"), text);
  say("wrote bench/RESULTS.md");
} else {
  console.log(text);
}
