/** Beside LangGraph.js and its SQLite saver: the peer that also keeps what happened. */
import { join } from "node:path";
import { alternate, closeAll, each, ratios, warmUp } from "../parts/alternate.mjs";
import { bytesIn } from "../parts/bytes-in.mjs";
import { openHost } from "../parts/child.mjs";
import { spread, table } from "../parts/statistics.mjs";

const HOST = new URL("../peer-host.mjs", import.meta.url);
const RUNS = 5;
const WARM_UP_TURNS = { holdfast: 8_000, langgraph: 1_500 };

/**
 * 64 sessions of 400 turns would take LangGraph several minutes and tens of gigabytes a run, so it gets
 * fewer there. What the number of sessions does to its rate shows at 20 turns.
 */
const LEVELS = [
  { turns: 20, ours: [4, 64], theirs: [4, 64] },
  { turns: 400, ours: [4, 64], theirs: [4] },
];

const entryOf = async (peer, { sessions, turns, workDir }) => {
  const dataDir = join(workDir, `${peer}-${turns}-${sessions}`);
  const host = openHost(HOST, { peer, turns, dataDir });
  const few = { sessions: Math.min(sessions, 4), turns };
  await warmUp(host, { ...few, total: Math.min(WARM_UP_TURNS[peer], few.sessions * turns * 8) });
  // A short session is over at once; what a run measures is some hundred turns at least.
  const rounds =
    peer === "holdfast" ? Math.ceil(6_400 / (sessions * turns)) : Math.ceil(640 / (sessions * turns));
  return { peer, sessions, dataDir, host, request: { sessions, rounds }, turns: sessions * rounds * turns };
};

const measureLevel = async ({ turns, ours, theirs }, workDir) => {
  const entries = {};
  for (const [peer, counts] of Object.entries({ holdfast: ours, langgraph: theirs })) {
    for (const sessions of counts) {
      entries[`${peer}-${sessions}`] = await entryOf(peer, { sessions, turns, workDir });
    }
  }
  const samples = await alternate(entries, RUNS);
  await closeAll(Object.values(entries).map(({ host }) => host));
  return { turns, entries, samples };
};

const rowsOf = ({ turns, entries, samples }) =>
  Object.entries(entries).map(([name, { peer, sessions }]) => {
    const same = samples[`langgraph-${sessions}`];
    const most = samples[Object.keys(samples).at(-1)];
    const isOurs = peer === "holdfast";
    return [
      isOurs ? "Holdfast" : "LangGraph.js",
      turns,
      sessions,
      spread(each(samples[name], "perSecond")),
      isOurs && same !== undefined ? `**${spread(ratios(samples[name], same))}**` : "",
      isOurs && same === undefined ? `**${spread(ratios(samples[name], most))}**` : "",
    ];
  });

/** One run of each, in directories of their own: what is there after closing, a turn. */
const kbATurn = async (peer, { turns, workDir }) => {
  const sessions = Math.max(1, Math.round(800 / turns));
  const dataDir = join(workDir, `${peer}-stored-${turns}`);
  const host = openHost(HOST, { peer, turns, dataDir });
  await host.ask({ sessions, rounds: 1 });
  await host.close();
  return bytesIn(dataDir) / 1024 / (sessions * turns);
};

export const benchLanggraph = async ({ workDir, say }) => {
  const levels = [];
  const stored = [];
  for (const level of LEVELS) {
    say(`beside LangGraph.js at ${level.turns} turns`);
    levels.push(await measureLevel(level, workDir));
    const { turns } = level;
    const [ours, theirs] = [
      await kbATurn("holdfast", { turns, workDir }),
      await kbATurn("langgraph", { turns, workDir }),
    ];
    const kb = (value) => `${value.toFixed(2)} KB`;
    stored.push([turns, kb(ours), kb(theirs), (theirs / ours).toFixed(0)]);
  }
  const [short, long] = levels.map(({ samples }) => samples);
  const head = [
    "",
    "turns each",
    "sessions",
    "turns/s",
    "ratio, same sessions",
    "ratio, 64 beside 4 sessions",
  ];
  const text = `## Beside LangGraph.js with its SQLite saver

The same work: a \`StateGraph\` of a model and a \`ToolNode\`, one tool call a turn, 1 KB back, the same zod schema, the whole
prompt handed to a chat model that answers at once; \`invoke\` with a thread a session, nobody watches. Default options:
it writes checkpoints while the next step runs, so a crash may lose the last of them. Medians (min–max) of ${RUNS} runs that alternate.
64 sessions of 400 turns would take it minutes and tens of gigabytes a run, so there it gets 4; what the number of sessions does to its rate shows at 20 turns.

${table(head, levels.flatMap(rowsOf))}

On disk after closing:

${table(["turns each", "Holdfast, a turn", "LangGraph.js, a turn", "times as much"], stored)}

The saver asks for better-sqlite3 12, whose releases abort the process on this Node when a statement is collected; version 13 has the same
interface and takes its place here.`;
  const measured = {
    "langgraph-20": {
      at: { turns: levels[0].turns, sessions: 64 },
      values: ratios(short["holdfast-64"], short["langgraph-64"]),
    },
    "langgraph-400": {
      at: { turns: levels[1].turns, sessions: 64 },
      values: ratios(long["holdfast-64"], long["langgraph-4"]),
    },
  };
  return { text, measured };
};
