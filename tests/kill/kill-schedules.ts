/**
 * Two processes run schedules on one data directory and are killed again and again; each tick has to be accepted once:
 * `npm run kills:schedules -- --schedules 100 --ticks 100 --kills 40`.
 */
import { parseArgs } from "node:util";
import { killSchedules } from "./schedule-kills.ts";

const { values } = parseArgs({
  options: {
    schedules: { type: "string", default: "100" },
    ticks: { type: "string", default: "100" },
    kills: { type: "string", default: "40" },
  },
});
const tally = await killSchedules({
  schedules: Number(values.schedules),
  ticks: Number(values.ticks),
  kills: Number(values.kills),
});
process.stdout.write(`${JSON.stringify(tally)}\n`);
process.exitCode = tally.lost === 0 && tally.double === 0 && tally.accepted === tally.expected ? 0 : 1;
