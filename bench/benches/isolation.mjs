/** Sessions at work beside sessions whose isolated tools spin, leak, reject and exit: what the first notice of the second. */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { openHost } from "../parts/child.mjs";
import { percentile, spread, table } from "../parts/statistics.mjs";

const HOST = new URL("../isolation-host.mjs", import.meta.url);
const ROUNDS = 5;
const SECONDS = 12;
const AT = { harms: 4, everyMs: 50 };

const round = async (host) => {
  const ask = (kind) => host.ask({ kind, seconds: SECONDS });
  // Alternating, so that what else the machine does meets all alike.
  return { quiet: await ask(null), thread: await ask("thread"), process: await ask("process") };
};

const p = (share) => (measured) => percentile(measured.latencies, share);

export const benchIsolation = async ({ workDir, say }) => {
  const host = openHost(HOST, { dataDir: await mkdtemp(join(workDir, "isolation-")) });
  await host.ask({ kind: null, seconds: 2 });
  await host.ask({ kind: "thread", seconds: 2 });
  const rounds = [];
  for (let index = 0; index < ROUNDS; index += 1) {
    say(`isolation: round ${index + 1} of ${ROUNDS}`);
    rounds.push(await round(host));
  }
  await host.close();
  const of = (kind, share) => spread(rounds.map((one) => p(share)(one[kind])));
  const ratios = (kind) => rounds.map((one) => p(0.99)(one[kind]) / p(0.99)(one.quiet));
  const row = (name, kind) => [
    name,
    of(kind, 0.5),
    of(kind, 0.99),
    kind === "quiet" ? "" : spread(ratios(kind)),
    kind === "quiet" ? "" : String(rounds.reduce((sum, one) => sum + one[kind].harmed, 0)),
  ];
  const text = `## Isolated tools that do harm, beside sessions at work

A run with one tool call begins every 50 ms. Beside them four sessions of another tenant call isolated tools without a pause: one spins until its
time limit of 2 s, one fills a heap of 64 MiB, one leaves a rejection unhandled, one exits. ${ROUNDS} rounds of ${SECONDS} s each, alternating; ms from
\`createSession\` to the outcome, median (min–max) of the rounds.

${table(
  ["beside them", "p50", "p99", "p99 ÷ that of nothing", "harmful calls"],
  [row("nothing", "quiet"), row("in threads", "thread"), row("in processes", "process")],
)}`;
  return {
    text,
    measured: {
      "isolation-thread": { at: AT, values: ratios("thread") },
      "isolation-process": { at: AT, values: ratios("process") },
    },
  };
};
