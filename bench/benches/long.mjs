/** Long sessions beside short ones: whether a turn costs the same however many came before it. */
import { join } from "node:path";
import { alternate, closeAll, each, ratios, warmUp } from "../parts/alternate.mjs";
import { openHost } from "../parts/child.mjs";
import { median, spread, table } from "../parts/statistics.mjs";

const HOST = new URL("../peer-host.mjs", import.meta.url);
const SHORT = 20;
const LONG = 2_000;
const SESSIONS = 16;
const RUNS = 5;

const cpu = (samples) =>
  `${median(each(samples, "cpuUs")).toFixed(0)} / ${median(each(samples, "threadUs")).toFixed(0)}`;

export const benchLong = async ({ workDir, say }) => {
  say(`${SESSIONS} sessions of ${LONG} turns, beside sessions of ${SHORT}`);
  const open = (turns) =>
    openHost(HOST, { peer: "holdfast", turns, dataDir: join(workDir, `long-${turns}`) });
  const hosts = { long: open(LONG), short: open(SHORT) };
  await warmUp(hosts.short, { sessions: SESSIONS, turns: SHORT, total: 8_000 });
  await warmUp(hosts.long, { sessions: 4, turns: LONG, total: 8_000 });
  const samples = await alternate(
    {
      long: { host: hosts.long, request: { sessions: SESSIONS, rounds: 1 }, turns: SESSIONS * LONG },
      short: { host: hosts.short, request: { sessions: SESSIONS, rounds: 20 }, turns: SESSIONS * SHORT * 20 },
    },
    RUNS,
  );
  await closeAll(Object.values(hosts));
  const ratio = ratios(samples.long, samples.short);
  const row = (turns, of) => [turns, spread(each(of, "perSecond")), cpu(of)];
  const text = `## Long sessions, ${SESSIONS} at a time

One \`send\` a session, default options but for \`limits.maxTurns\`. The window is the default one, 400,000 characters: when it is full,
the older half of the conversation is cut off; the model is handed all that is left, in every turn.

${table(["turns a session", "turns/s", "CPU µs a turn: all / main thread"], [row(SHORT, samples.short), row(LONG, samples.long)])}

${LONG} turns beside ${SHORT}, pair by pair: **${spread(ratio)}**.`;
  return { text, measured: { long: { at: { turns: LONG, beside: SHORT }, values: ratio } } };
};
