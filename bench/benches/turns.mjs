/** Turns a second, beside the peer: two processes that take turns, A B A B. */
import { join } from "node:path";
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
/** Until the code of both is compiled: turns, not time. */
const WARM_UP_TURNS = 8_000;

const measureLevel = async ({ sessions, rounds, runs }, workDir) => {
  const dataDir = join(workDir, `turns-${sessions}`);
  const hosts = {
    ours: openHost(HOST, { peer: "holdfast", turns: TURNS, dataDir }),
    theirs: openHost(HOST, { peer: "ai-sdk", turns: TURNS }),
  };
  const turns = sessions * rounds * TURNS;
  const samples = { ours: [], theirs: [] };
  const warmUp = { sessions: Math.max(sessions, 64), rounds: 1 };
  for (const host of Object.values(hosts)) {
    for (let done = 0; done < WARM_UP_TURNS; done += warmUp.sessions * TURNS) await host.ask(warmUp);
    await host.ask({ sessions, rounds: Math.min(rounds, 4) });
  }
  for (let pair = 0; pair < runs; pair += 1) {
    for (const [name, host] of Object.entries(hosts)) {
      const { wallMs, cpuMs, threadMs } = await host.ask({ sessions, rounds });
      samples[name].push({
        perSecond: (turns / wallMs) * 1000,
        cpuUs: (cpuMs / turns) * 1000,
        threadUs: (threadMs / turns) * 1000,
      });
    }
  }
  await Promise.all(Object.values(hosts).map((host) => host.close()));
  return { sessions, ...samples };
};

const ratios = ({ ours, theirs }, field) => ours.map((own, index) => own[field] / theirs[index][field]);

const row = (level) => {
  const values = (peer, field) => level[peer].map((sample) => sample[field]);
  return [
    level.sessions,
    spread(values("ours", "perSecond")),
    spread(values("theirs", "perSecond")),
    `**${spread(ratios(level, "perSecond"))}**`,
    `${median(values("ours", "cpuUs")).toFixed(0)} / ${median(values("ours", "threadUs")).toFixed(0)}`,
    `${median(values("theirs", "cpuUs")).toFixed(0)} / ${median(values("theirs", "threadUs")).toFixed(0)}`,
  ];
};

export const benchTurns = async ({ workDir, say }) => {
  const rows = [];
  for (const level of LEVELS) {
    say(`turns a second at ${level.sessions} sessions`);
    rows.push(row(await measureLevel(level, workDir)));
  }
  const head = [
    "sessions",
    "Holdfast, turns/s",
    "AI SDK `generateText`, turns/s",
    "ratio, pair by pair",
    "Holdfast, CPU µs a turn: all / main thread",
    "AI SDK, the same",
  ];
  return `## Turns a second, ${TURNS} turns a session

Median (min–max) of the runs, which alternate between the two, each in a process of its own that is idle while
the other runs. Both get the same answers, call the same tool (one call a turn, 1 KB back, input checked with the same
zod schema), and hand the whole prompt to the model in every turn.

- **Holdfast**: \`createRuntime\`, \`createSession\`, \`session.send\`, \`run.outcome\` from the packed package, default options:
  every step in a SQLite journal, synced to disk before anything acts on it, hash chain, snapshots; one subscriber a
  session (\`session.events()\`) that must see every event. The model is \`scriptedModel\`.
- **AI SDK**: \`generateText\` with \`stopWhen: isStepCount(${TURNS})\` on a \`LanguageModelV4\` that answers at once. All in memory:
  nothing is kept, nobody watches.

${table(head, rows)}`;
};
