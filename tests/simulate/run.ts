/**
 * Plays seeds one after another: `npm run simulate -- --seeds N --from K`. Exits 1 when a promise was broken.
 * A failing seed is played again with less and less, and its shortest trace is printed.
 * `--stop-at-first` ends with the first, as it is; `--trace` prints the whole trace of each; `--cells` prints what
 * was never reached of what can be.
 */
import { parseArgs } from "node:util";
import { reachableCells, shrink, simulate, type SimulationResult } from "holdfast/testing";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    "stop-at-first": { type: "boolean", default: false },
    trace: { type: "boolean", default: false },
    cells: { type: "boolean", default: false },
  },
});

/** A seed counts when enough went on in it, and enough went wrong. */
const LEAST_SESSIONS = 3;
const LEAST_FAULTS = 5;

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((left, right) => left - right)[Math.floor(numbers.length / 2)] ?? 0;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const report = ({ seed, violations, trace }: SimulationResult, withTrace: boolean): void => {
  say(`seed ${seed}: ${violations.length} violations`);
  for (const { rule, promise, sessionId, position, what } of violations.slice(0, 10))
    say(`  ${promise} ${rule} ${sessionId}@${position ?? "-"}: ${what}`);
  if (withTrace) for (const line of trace) say(`    ${line}`);
};

const reportShortest = async (first: SimulationResult): Promise<void> => {
  const { options, result } = await shrink(first);
  say(
    `  the shortest that breaks it: ${result.events} events, ${result.faults} faults, ${JSON.stringify(options)}`,
  );
  report(result, true);
};

const from = Number(values.from);
const count = Number(values.seeds);
const begun = performance.now();
const events: number[] = [];
const faults: number[] = [];
const coverage = new Map<string, number>();
const failing: number[] = [];
let played = 0;
let spentMs = 0;

for (let seed = from; seed < from + count; seed += 1) {
  const before = process.cpuUsage();
  const result = await simulate({ seed });
  const { user, system } = process.cpuUsage(before);
  spentMs += (user + system) / 1_000;
  played += 1;
  for (const [cell, times] of result.coverage) coverage.set(cell, (coverage.get(cell) ?? 0) + times);
  if (result.sessions >= LEAST_SESSIONS && result.faults >= LEAST_FAULTS) {
    events.push(result.events);
    faults.push(result.faults);
  }
  if (result.violations.length === 0) continue;
  failing.push(seed);
  report(result, values.trace);
  if (values["stop-at-first"]) break;
  if (failing.length <= 3) await reportShortest(result);
}

const minutes = (performance.now() - begun) / 60_000;
const reachable = reachableCells();
const missing = [...reachable].filter((cell) => !coverage.has(cell));
const beyond = [...coverage.keys()].filter((cell) => !reachable.has(cell));
const share = ((100 * (reachable.size - missing.length)) / reachable.size).toFixed(1);
say(
  `${played} seeds, ${Math.round(played / minutes)} a minute, ${Math.round((60_000 * played) / spentMs)} a minute of processor`,
);
say(
  `${events.length} count (${LEAST_SESSIONS} sessions and ${LEAST_FAULTS} faults or more), ${played - events.length} do not`,
);
say(`events: median ${median(events)}; faults: median ${median(faults)}`);
say(
  `coverage: ${reachable.size - missing.length} of ${reachable.size} reachable cells of event, state and fault (${share} %); ${beyond.length} more`,
);
if (values.cells) for (const cell of missing) say(`  never: ${cell}`);
if (values.cells) for (const cell of beyond) say(`  more: ${cell}`);
say(failing.length === 0 ? "no promise was broken" : `failing seeds: ${failing.join(", ")}`);
process.exitCode = failing.length === 0 ? 0 : 1;
