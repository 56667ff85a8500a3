/**
 * Plays seeds one after another: `npm run simulate -- --seeds N --from K`. Exits 1 when a promise was broken.
 * `--trace` prints what happened in a failing seed; `--stop-at-first` ends with it.
 */
import { parseArgs } from "node:util";
import { simulate, type SimulationResult } from "holdfast/testing";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    "stop-at-first": { type: "boolean", default: false },
    trace: { type: "boolean", default: false },
  },
});

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((left, right) => left - right)[Math.floor(numbers.length / 2)] ?? 0;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const report = ({ seed, violations, trace }: SimulationResult): void => {
  say(`seed ${seed}: ${violations.length} violations`);
  for (const { rule, promise, sessionId, position, what } of violations.slice(0, 10))
    say(`  ${promise} ${rule} ${sessionId}@${position ?? "-"}: ${what}`);
  if (values.trace) for (const line of trace) say(`    ${line}`);
};

const from = Number(values.from);
const count = Number(values.seeds);
const begun = performance.now();
const events: number[] = [];
const faults: number[] = [];
const coverage = new Map<string, number>();
const failing: number[] = [];

for (let seed = from; seed < from + count; seed += 1) {
  const result = await simulate({ seed });
  events.push(result.events);
  faults.push(result.faults);
  for (const [cell, times] of result.coverage) coverage.set(cell, (coverage.get(cell) ?? 0) + times);
  if (result.violations.length === 0) continue;
  failing.push(seed);
  report(result);
  if (values["stop-at-first"]) break;
}

const minutes = (performance.now() - begun) / 60_000;
const pairs = new Set([...coverage.keys()].map((cell) => cell.split(" ").slice(0, 2).join(" ")));
const kinds = new Set([...coverage.keys()].map((cell) => cell.split(" ")[2]));
say(`${events.length} seeds, ${Math.round(events.length / minutes)} a minute`);
say(`events: median ${median(events)}; faults: median ${median(faults)}`);
say(
  `coverage: ${coverage.size} cells of event, state and fault; ${pairs.size} of event and state; ${kinds.size} faults`,
);
say(failing.length === 0 ? "no promise was broken" : `failing seeds: ${failing.join(", ")}`);
process.exitCode = failing.length === 0 ? 0 : 1;
