/**
 * Kills real processes at the n-th write, sync, send or lock, or at any moment, as often as is asked, and
 * judges what is left: `npm run kills -- --kills 500 --seed 1`. Ends with `N passed, N failed`; each
 * data directory, with all that died in it, is one.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runChain, type ChainResult } from "./chain.ts";
import { learnCounts } from "./learn-counts.ts";
import { whyNoStrace } from "./strace.ts";
import { Tally } from "./tally.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    parallel: { type: "string", default: "2" },
    /** Only the directory with this number, to play a failure again. */
    chain: { type: "string" },
    /** No new directory is begun after so many minutes; what was not reached is said. */
    minutes: { type: "string", default: "240" },
  },
});

const KILLS_A_CHAIN = 20;
const FAMILIES_AIMED_AT = ["write", "sync", "send", "tell", "receive", "lock", "file", "clock"];
const SERVICE = fileURLToPath(new URL("./serve-effects.ts", import.meta.url));

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** The outside world: it outlives everything that is killed. */
const startService = async (root: string): Promise<{ child: ChildProcess; port: number }> => {
  const child = spawn(process.execPath, [SERVICE, root], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, port: Number(line.toString()) };
};

const tell = ({ folder, findings }: ChainResult, root: string, number: number): void => {
  say(`FAILED: directory ${number}; everything of it is kept in ${join(root, folder)}`);
  for (const { rule, what } of findings.slice(0, 20)) say(`  ${rule}: ${what}`);
  say(`  again: npm run kills -- --seed ${values.seed} --chain ${number}`);
};

const settle = (root: string, number: number, chain: ChainResult): void => {
  if (chain.findings.length > 0) tell(chain, root, number);
  else rmSync(join(root, chain.folder), { recursive: true, force: true, maxRetries: 3 });
};

const begun = performance.now();
const minutes = (): number => (performance.now() - begun) / 60_000;
const root = mkdtempSync(join(tmpdir(), "holdfast-kills-"));
// Compiled once, and not in every process that is killed.
process.env["NODE_COMPILE_CACHE"] = join(root, "compiled");
const wanted = values.chain === undefined ? Number(values.kills) : KILLS_A_CHAIN;
const whyNot = whyNoStrace();
if (whyNot !== null)
  say(`SKIPPED: kills at the n-th system call, because ${whyNot}. All kills are by the clock.`);

const { child: service, port } = await startService(root);
const counts = await learnCounts({ root, port }, whyNot === null);
if (whyNot === null) say(`calls of one thread in one life: ${JSON.stringify(counts)}`);

const tally = new Tally();
const lane = async (numbers: Iterator<number>): Promise<void> => {
  for (let next = numbers.next(); next.done !== true; next = numbers.next()) {
    if (minutes() > Number(values.minutes)) return;
    const seed = `seed-${values.seed}-chain-${next.value}`;
    const mayTrace = whyNot === null;
    const chain = await runChain({ seed, root, port, kills: KILLS_A_CHAIN, counts, mayTrace });
    tally.add(chain);
    settle(root, next.value, chain);
    say(`${tally.kills} kills in ${minutes().toFixed(1)} min`);
  }
};
const first = Number(values.chain ?? 1);
const numbers = Array.from(
  { length: Math.ceil(wanted / KILLS_A_CHAIN) },
  (_, index) => first + index,
).values();
await Promise.all(Array.from({ length: Number(values.parallel) }, () => lane(numbers)));
service.stdin?.end();

for (const line of tally.lines()) say(line);
let failed = tally.failed.length;
const complain = (what: string): void => {
  failed += 1;
  say(`FAILED: ${what}`);
};
// A driver that kills nothing, or always at the same place, proves nothing.
if (tally.kills < wanted) complain(`${tally.kills} kills of ${wanted}`);
if (whyNot === null && wanted >= 400) {
  for (const family of FAMILIES_AIMED_AT)
    if (!tally.families.has(family)) complain(`no kill at ${family} among ${tally.kills}`);
}
if (failed === 0) rmSync(root, { recursive: true, force: true, maxRetries: 3 });
say(`${tally.passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
