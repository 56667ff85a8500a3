/**
 * Lets the disk fail a real process: EIO and ENOSPC at every call that writes, syncs or names, EIO at every one
 * that reads, once or from then on. `npm run disk-faults`. Nothing acknowledged may be lost, nothing done twice, and a fresh process
 * has to open what is left and bring it to its end. `--runs N` takes N of the faults, 0 all of them;
 * `--seed S` draws others; `--call NAME` keeps to one; `--parallel N` has so many under way: most of the time is waiting. Ends with `N passed, N failed`.
 */
import { mkdtempSync, rmSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { randomFrom } from "./crash-image.ts";
import { CALLS, type CallFault, countCalls, describeFault, runWithFault } from "./fault-run.ts";
import { whyNotTraceable } from "./trace.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "40" },
    seed: { type: "string", default: "1" },
    call: { type: "string", default: "" },
    parallel: { type: "string", default: "1" },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Reading needs no space. */
const errorsOf = (call: string): readonly CallFault["error"][] =>
  call === "pread64" ? ["EIO"] : ["EIO", "ENOSPC"];

const allFaults = (counts: ReadonlyMap<string, number>): CallFault[] =>
  CALLS.filter((call) => call.includes(values.call)).flatMap((call) =>
    Array.from({ length: counts.get(call) ?? 0 }, (_, index) => index + 1).flatMap((when) =>
      errorsOf(call).flatMap((error) =>
        [false, true].map((isLasting): CallFault => ({ call, error, when, isLasting })),
      ),
    ),
  );

/** As many as asked for, the same number of each call, drawn by the seed. */
const choose = (faults: readonly CallFault[]): readonly CallFault[] => {
  const runs = Number(values.runs);
  if (runs === 0 || runs >= faults.length) return faults;
  const random = randomFrom(Number(values.seed));
  const groups = [...Map.groupBy(faults, ({ call }) => call).values()].map((group) =>
    group
      .map((fault) => ({ fault, at: random() }))
      .toSorted((left, right) => left.at - right.at)
      .map(({ fault }) => fault),
  );
  const chosen: CallFault[] = [];
  for (let turn = 0; chosen.length < runs; turn += 1)
    chosen.push(...groups.flatMap((group) => group.slice(turn, turn + 1)));
  return chosen.slice(0, runs);
};

const main = async (): Promise<number> => {
  const why = whyNotTraceable();
  if (why !== null) {
    say(`skipped: ${why}`);
    return 0;
  }
  const root = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "holdfast-faults-"));
  let passed = 0;
  let failed = 0;
  let struck = 0;
  let refused = 0;
  try {
    const all = allFaults(await countCalls(root));
    const chosen = choose(all);
    const queue = [...chosen];
    const work = async (): Promise<void> => {
      for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
        const { ended, isStruck, problems } = await runWithFault(root, fault);
        if (isStruck) struck += 1;
        if (ended !== "to its end") refused += 1;
        if (problems.length === 0) passed += 1;
        else failed += 1;
        for (const problem of problems.slice(0, 4)) say(`FAILED ${describeFault(fault)}: ${problem}`);
        if ((passed + failed) % 50 === 0) say(`${passed} passed, ${failed} failed so far`);
      }
    };
    await Promise.all(Array.from({ length: Number(values.parallel) }, work));
    say(
      `${chosen.length} of ${all.length} faults: ${struck} struck, after ${refused} the store could not be opened`,
    );
    // Faults that never strike prove nothing.
    if (struck < chosen.length * 0.6) failed += 1;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  say(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
};

process.exitCode = await main();
