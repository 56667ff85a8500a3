/**
 * Kills the `npm start` task around every commit, before and after, and resumes it each time:
 * `node tests/kill/kill-npm-start.ts`. Ends with `N passed, N failed`.
 */
import { killOnce, type Death } from "./drive.ts";

const moments = ["before", "after"] as const;
const PARALLEL = 2;
const MOST_COMMITS = 200;

let passed = 0;
let failed = 0;
let commit = 0;
let isOver = false;

const next = (): Death[] => {
  commit += 1;
  return commit > MOST_COMMITS ? [] : moments.map((moment) => ({ commit, moment }));
};

const work = async (): Promise<void> => {
  while (!isOver) {
    for (const death of next()) {
      const { isKilled, exitCode, output } = await killOnce(death);
      if (!isKilled && exitCode === 0) isOver = true;
      if (!isKilled && exitCode === 0) return;
      const isGood = isKilled && exitCode === 0;
      if (isGood) passed += 1;
      else failed += 1;
      process.stdout.write(`${isGood ? "ok" : "FAILED"}: killed ${death.moment} commit ${death.commit}\n`);
      if (!isGood) process.stdout.write(`exit code ${exitCode}\n${output}\n`);
    }
  }
};

await Promise.all(Array.from({ length: PARALLEL }, work));
// A driver that kills nothing proves nothing.
if (passed + failed < 10) failed += 1;
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
