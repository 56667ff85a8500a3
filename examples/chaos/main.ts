/** `npm run chaos`: claims are settled with tools of all seven kinds while what they work with fails, and what came of it is judged. */
import { parseArgs } from "node:util";
import { NotReadyError, settleAll, type Report } from "./settle-all.ts";

const USAGE = `Usage: npm run chaos -- [--runs 50] [--faults 0.2] [--seed 1] [--at-once 4] [--browser /usr/bin/chromium]

  --runs     claims to settle, each in a session of its own
  --faults   share of the requests that are cut, delayed, corrupted, refused or not answered: 0 to 1
  --seed     the faults, by number
  --at-once  sessions at the same time
  --browser  the program of the browser, where it is not at one of the usual places
`;

const options = {
  runs: { type: "string", default: "50" },
  faults: { type: "string", default: "0.2" },
  seed: { type: "string", default: "1" },
  "at-once": { type: "string", default: "4" },
  browser: { type: "string" },
  help: { type: "boolean", default: false },
} as const;

/** @throws TypeError when the text is no number from the least to the most. */
const numberOf = (name: string, text: string, [least, most]: readonly [number, number]): number => {
  const value = Number(text);
  if (text.trim() !== "" && value >= least && value <= most) return value;
  throw new TypeError(`--${name} is "${text}": give a number from ${least} to ${most}.`);
};

const tell = (report: Report, runs: number): void => {
  for (const line of [...report.wrong.map((what) => `WRONG  ${what}`), ...report.others]) console.log(line);
  const share = ((report.correct / runs) * 100).toFixed(1);
  const { requests = 0, ...faults } = report.faults;
  const harmed = Object.entries(faults).map(([name, times]) => `${name} ${times}`);
  console.log(`${report.correct} of ${runs} runs correct (${share} %), ${report.wrong.length} wrong`);
  console.log(`${requests} requests; harmed: ${harmed.join(", ") || "none"}`);
  console.log(`${report.retries} attempts beyond the first, in ${(report.durationMs / 1_000).toFixed(0)} s`);
  const { descriptors, processes, sockets } = report.left;
  console.log(`left open: ${descriptors} descriptors, ${processes} processes, ${sockets} sockets`);
};

const main = async (): Promise<number> => {
  const { values } = parseArgs({ options });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const runs = numberOf("runs", values.runs, [1, 100_000]);
  const report = await settleAll({
    runs,
    faults: numberOf("faults", values.faults, [0, 1]),
    seed: numberOf("seed", values.seed, [0, 2 ** 32 - 1]),
    atOnce: numberOf("at-once", values["at-once"], [1, 100]),
    ...(values.browser !== undefined && { executablePath: values.browser }),
  });
  tell(report, runs);
  const { descriptors, processes, sockets } = report.left;
  return report.wrong.length + descriptors + processes + sockets === 0 ? 0 : 1;
};

try {
  process.exitCode = await main();
} catch (thrown) {
  if (thrown instanceof NotReadyError)
    console.error(`${thrown.message}\nNothing was run. See docs/chaos.md.`);
  else if (thrown instanceof TypeError) console.error(`${thrown.message}\n\n${USAGE}`);
  else throw thrown;
  process.exitCode = 2;
}
