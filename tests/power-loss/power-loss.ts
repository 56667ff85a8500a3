/**
 * Traces what real processes write and sync, and takes the power away at every moment that matters:
 * `npm run power-loss`. For each moment the files are put together as a disk may have them then, with what
 * was not synced dropped, reordered or torn, and the store has to find everything it had acknowledged.
 * `--images N` bounds how many are looked at, `--seed S` draws others, `--scenario NAME` takes one workload.
 * Ends with `N passed, N failed`.
 */
import { parseArgs } from "node:util";
import { whyNotTraceable } from "./trace.ts";
import { LOSSES } from "./crash-image.ts";
import { losePower } from "./lose-power.ts";
import { SCENARIOS } from "./scenarios.ts";

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "1500" },
    seed: { type: "string", default: "1" },
    scenario: { type: "string", default: "" },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const main = async (): Promise<number> => {
  const why = whyNotTraceable();
  if (why !== null) {
    say(`skipped: ${why}`);
    return 0;
  }
  let passed = 0;
  let failed = 0;
  const chosen = SCENARIOS.filter(({ name }) => name.includes(values.scenario));
  const shares = chosen.reduce((sum, { share }) => sum + share, 0);
  for (const scenario of chosen) {
    const most = Math.ceil((Number(values.images) * scenario.share) / shares);
    const result = await losePower(scenario, { most, seed: Number(values.seed) });
    passed += result.images - result.failing;
    failed += result.failing;
    const { calls, syncs, acknowledgements, moments, images, seconds } = result;
    say(
      `${scenario.name}: ${calls} calls, ${syncs} syncs, ${acknowledgements} acknowledgements; ` +
        `${images} images of ${moments} moments in ${seconds} s`,
    );
    for (const loss of LOSSES) say(`  ${loss}: ${result.byLoss.get(loss) ?? 0}`);
    for (const problem of result.problems.slice(0, 12)) say(`  FAILED ${problem}`);
    // What traces nothing, or acknowledges nothing, proves nothing.
    if (syncs < 20 || acknowledgements < 20 || images < 5) failed += 1;
  }
  if (chosen.length === 0) failed += 1;
  say(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
};

process.exitCode = await main();
