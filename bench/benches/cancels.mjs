/** Cancels at random moments while a thousand sessions are worked: how long each takes, and that nothing begins after it. */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { openHost } from "../parts/child.mjs";
import { percentile, spread, table } from "../parts/statistics.mjs";

const HOST = new URL("../cancels-host.mjs", import.meta.url);
const ROUNDS = 5;
const SESSIONS = 1_000;
const CANCELS = 10_000;
/** So many before them, while all sessions begin at once in a process that has compiled nothing; they are told apart. */
const WARM_UP = 1_000;

const round = async (workDir, seed) => {
  const dataDir = await mkdtemp(join(workDir, "cancels-"));
  const host = openHost(HOST, { dataDir, sessions: SESSIONS, seed });
  const { latencies, calls, late, seconds } = await host.ask({ cancels: WARM_UP + CANCELS });
  await host.close();
  if (late > 0)
    throw new Error(`${late} tool calls began after their cancel was acknowledged (seed ${seed}).`);
  if (latencies.length !== WARM_UP + CANCELS) throw new Error(`${latencies.length} runs were cancelled.`);
  return { first: latencies.slice(0, WARM_UP), measured: latencies.slice(WARM_UP), calls, seconds };
};

export const benchCancels = async ({ workDir, say }) => {
  const rounds = [];
  for (let index = 0; index < ROUNDS; index += 1) {
    say(`cancels: round ${index + 1} of ${ROUNDS}`);
    rounds.push(await round(workDir, index + 1));
  }
  const of = (which, share) => rounds.map((one) => percentile(one[which], share));
  const rate = (count) => spread(rounds.map((one) => count(one) / one.seconds));
  const rows = [
    ["acknowledged, p50", `${spread(of("measured", 0.5))} ms`],
    ["acknowledged, p99", `**${spread(of("measured", 0.99))} ms**`],
    ["the longest of all", `${spread(of("measured", 1))} ms`],
    [
      "p99 of the first thousand, which begin all at once in a new process",
      `${spread(of("first", 0.99))} ms`,
    ],
    ["tool calls begun, a second", rate(({ calls }) => calls)],
    ["cancels and new runs, a second", rate(() => WARM_UP + CANCELS)],
    ["tool calls begun after their cancel was acknowledged", "0"],
  ];
  const text = `## Cancels among ${SESSIONS.toLocaleString("en-US")} active sessions

Every session has a run whose model asks for two tool calls a turn, of 0.2 to 4.2 s each. A run is cancelled at a moment of chance in its first ten
seconds, and the session's next one begins. ${ROUNDS} rounds of ${CANCELS.toLocaleString("en-US")} cancels, each in a fresh process; from \`run.cancel()\` to
its acknowledgement, which is durable; median (min–max) of the rounds.

${table(["", ""], rows)}`;
  return {
    text,
    measured: { cancels: { at: { sessions: SESSIONS, cancels: CANCELS }, values: of("measured", 0.99) } },
  };
};
