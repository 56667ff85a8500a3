/**
 * Damages every page of a data directory, and single bits of it, and asks everything again: `npm run
 * corruption`. What is answered is what was written, or somebody says that it is not.
 * `--flips N` single bits (10,000 for the whole proof), `--every N` takes each N-th of the harms to pages,
 * `--seed S` draws others. Ends with `N passed, N failed`.
 */
import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { describeHarm, type Harm } from "./damage.ts";
import { HarmRunner } from "./harm-runner.ts";
import { pageHarms, randomFlips } from "./harms.ts";
import { makePlace, makeSpecimens, type Specimen } from "./specimen.ts";

const { values } = parseArgs({
  options: {
    flips: { type: "string", default: "600" },
    every: { type: "string", default: "5" },
    seed: { type: "string", default: "1" },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const KINDS = ["harmless", "refused", "named", "silent", "untyped", "died"] as const;
const GOOD: ReadonlySet<string> = new Set(["harmless", "refused", "named"]);

type Tally = { readonly counts: Map<string, number>; readonly problems: string[] };

const judgeAll = async (runner: HarmRunner, harms: readonly Harm[]): Promise<Tally> => {
  const counts = new Map<string, number>();
  const problems: string[] = [];
  for (const harm of harms) {
    const { kind, what } = await runner.judge(harm);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    if (GOOD.has(kind)) continue;
    problems.push(`${kind}: ${describeHarm(harm)}: ${what.slice(0, 2).join("; ")}`);
  }
  return { counts, problems };
};

const examine = async (specimen: Specimen, place: string): Promise<{ passed: number; failed: number }> => {
  const seed = Number(values.seed);
  const every = Number(values.every);
  const pages = pageHarms(specimen, seed).filter((_, index) => index % every === seed % every);
  const flips = randomFlips(specimen, { count: Math.ceil(Number(values.flips) / 2), seed });
  const runner = new HarmRunner(specimen, place);
  let passed = 0;
  let failed = 0;
  for (const [name, harms] of [
    ["pages", pages],
    ["single bits", flips],
  ] as const) {
    const { counts, problems } = await judgeAll(runner, harms);
    const text = KINDS.map((kind) => `${counts.get(kind) ?? 0} ${kind}`).join(", ");
    say(`${specimen.name}, ${name}: ${harms.length} harms: ${text}`);
    for (const problem of problems.slice(0, 15)) say(`  FAILED ${problem}`);
    passed += harms.length - problems.length;
    failed += problems.length;
    // Harms that change nothing at all prove nothing.
    if (harms.length > 0 && (counts.get("harmless") ?? 0) === harms.length) failed += 1;
  }
  runner.close();
  return { passed, failed };
};

const main = async (): Promise<number> => {
  const place = makePlace();
  let passed = 0;
  let failed = 0;
  try {
    for (const specimen of await makeSpecimens(place)) {
      const result = await examine(specimen, place);
      passed += result.passed;
      failed += result.failed;
    }
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
  say(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
};

process.exitCode = await main();
