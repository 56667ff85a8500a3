/** Turns a second, beside the peer. */
import { join } from "node:path";
import { alternate, closeAll, each, ratios, warmUp } from "../parts/alternate.mjs";
import { openHost } from "../parts/child.mjs";
import { spread, median, table } from "../parts/statistics.mjs";

const TURNS = 20;
const HOST = new URL("../peer-host.mjs", import.meta.url);

/** Few sessions are over at once: several rounds make a run long enough to be measured. */
const LEVELS = [
  { sessions: 1, rounds: 20, runs: 7 },
  { sessions: 16, rounds: 6, runs: 7 },
  { sessions: 64, rounds: 4, runs: 9 },
  { sessions: 512, rounds: 1, runs: 5 },
];
const WARM_UP_TURNS = 8_000;
/** The level that the target is about. */
const JUDGED_SESSIONS = 64;

const measureLevel = async ({ sessions, rounds, runs }, workDir) => {
  const dataDir = join(workDir, `turns-${sessions}`);
  const hosts = {
    ours: openHost(HOST, { peer: "holdfast", turns: TURNS, dataDir }),
    theirs: openHost(HOST, { peer: "ai-sdk", turns: TURNS }),
  };
  for (const host of Object.values(hosts)) {
    await warmUp(host, { sessions: Math.max(sessions, 64), turns: TURNS, total: WARM_UP_TURNS });
    await host.ask({ sessions, rounds: Math.min(rounds, 4) });
  }
  const work = { request: { sessions, rounds }, turns: sessions * rounds * TURNS };
  const entries = Object.entries(hosts).map(([name, host]) => [name, { host, ...work }]);
  const samples = await alternate(Object.fromEntries(entries), runs);
  await closeAll(Object.values(hosts));
  return { sessions, ...samples };
};

const cpu = (samples) =>
  `${median(each(samples, "cpuUs")).toFixed(0)} / ${median(each(samples, "threadUs")).toFixed(0)}`;

const row = ({ sessions, ours, theirs }) => [
  sessions,
  spread(each(ours, "perSecond")),
  spread(each(theirs, "perSecond")),
  `**${spread(ratios(ours, theirs))}**`,
  cpu(ours),
  cpu(theirs),
];

export const benchTurns = async ({ workDir, say }) => {
  const levels = [];
  for (const level of LEVELS) {
    say(`turns a second at ${level.sessions} sessions`);
    levels.push(await measureLevel(level, workDir));
  }
  const judged = levels.find(({ sessions }) => sessions === JUDGED_SESSIONS);
  const head = [
    "sessions",
    "Holdfast, turns/s",
    "AI SDK `generateText`, turns/s",
    "ratio, pair by pair",
    "Holdfast, CPU µs a turn: all / main thread",
    "AI SDK, the same",
  ];
  const text = `## Turns a second, ${TURNS} turns a session

Median (min–max) of the runs, which alternate between the two, each in a process of its own that is idle while
the other runs. Both get the same answers, call the same tool (one call a turn, 1 KB back, input checked with the same
zod schema), and hand the whole prompt to the model in every turn.

- **Holdfast**: \`createRuntime\`, \`createSession\`, \`session.send\`, \`run.outcome\` from the packed package, default options:
  every step in a SQLite journal, synced to disk before anything acts on it, hash chain, snapshots; one subscriber a
  session (\`session.events()\`) that must see every event. The model is \`scriptedModel\`.
- **AI SDK**: \`generateText\` with \`stopWhen: isStepCount(${TURNS})\` on a \`LanguageModelV4\` that answers at once. All in memory:
  nothing is kept, nobody watches.

${table(head, levels.map(row))}`;
  return {
    text,
    measured: {
      turns: { at: { turns: TURNS, sessions: judged.sessions }, values: ratios(judged.ours, judged.theirs) },
    },
  };
};
