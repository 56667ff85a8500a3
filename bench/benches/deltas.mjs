/** Streamed answers, beside the peer. */
import { join } from "node:path";
import { alternate, closeAll, each, ratios, warmUp } from "../parts/alternate.mjs";
import { openHost } from "../parts/child.mjs";
import { median, spread, table } from "../parts/statistics.mjs";
import { PIECES } from "../workload.mjs";

const TURNS = 20;
const SESSIONS = 64;
const RUNS = 5;
const WARM_UP_TURNS = 2_500;
const HOST = new URL("../peer-host.mjs", import.meta.url);

const perPiece = (samples) => ((median(each(samples, "threadUs")) / PIECES) * 1000).toFixed(0);

export const benchDeltas = async ({ workDir, say }) => {
  say(`${PIECES} streamed deltas a turn at ${SESSIONS} sessions`);
  const open = (name, settings) =>
    openHost(HOST, { turns: TURNS, isStreamed: true, dataDir: join(workDir, name), ...settings });
  const hosts = {
    providers: open("deltas-providers", { peer: "holdfast", isProviders: true }),
    scripted: open("deltas-scripted", { peer: "holdfast" }),
    theirs: open("deltas-theirs", { peer: "ai-sdk" }),
  };
  for (const host of Object.values(hosts)) {
    await warmUp(host, { sessions: SESSIONS, turns: TURNS, total: WARM_UP_TURNS });
  }
  const work = { request: { sessions: SESSIONS, rounds: 1 }, turns: SESSIONS * TURNS };
  const entries = Object.entries(hosts).map(([name, host]) => [name, { host, ...work }]);
  const { providers, scripted, theirs } = await alternate(Object.fromEntries(entries), RUNS);
  await closeAll(Object.values(hosts));
  const row = (title, samples) => [
    title,
    spread(each(samples, "perSecond")),
    samples === theirs ? "1" : `**${spread(ratios(samples, theirs))}**`,
    perPiece(samples),
  ];
  const head = ["", "turns/s", "ratio, pair by pair", "main thread, ns a delta (everything else included)"];
  const text = `## Streamed: ${PIECES} deltas a turn, ${SESSIONS} sessions × ${TURNS} turns

As above, and in every turn the model also says ${PIECES} words, a delta each. One reader a session must see every one of
them: \`session.events()\` here, \`streamText(…).stream\` there. Answers, reader and disk as for \`turns\`.

${table(head, [
  row("Holdfast, with the same `LanguageModelV4` as the AI SDK", providers),
  row("Holdfast, with `scriptedModel`", scripted),
  row("AI SDK `streamText`, in memory", theirs),
])}`;
  const at = { turns: TURNS, sessions: SESSIONS, pieces: PIECES };
  const measured = {
    deltas: { at, values: ratios(providers, theirs) },
    "deltas-scripted": { at, values: ratios(scripted, theirs) },
  };
  return { text, measured };
};
