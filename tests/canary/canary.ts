/** `npm run canary -- --sessions 10000`: whether anything of one session is ever seen in another (S1). Exits 1 when it is. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { playCanaries } from "./play-canaries.ts";

const { values } = parseArgs({
  options: { sessions: { type: "string", default: "10000" }, "at-once": { type: "string", default: "1000" } },
});

const dataDir = await mkdtemp(join(tmpdir(), "holdfast-canary-"));
const begun = performance.now();
const report = await playCanaries({
  sessions: Number(values.sessions),
  atOnce: Number(values["at-once"]),
  dataDir,
});
await rm(dataDir, { recursive: true, force: true });

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const seconds = ((performance.now() - begun) / 1_000).toFixed(0);
say(`${report.sessions} sessions, ${seconds} s`);
for (const [where, count] of Object.entries(report.searched)) say(`${where}: ${count} texts searched`);
for (const mixed of report.mixed.slice(0, 20)) say(mixed);
say(report.mixed.length === 0 ? "nothing of one was seen in another" : `${report.mixed.length} were seen`);
process.exitCode = report.mixed.length === 0 ? 0 : 1;
