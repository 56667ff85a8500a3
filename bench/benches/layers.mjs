/** What each layer costs a turn: each alone, over what a real run at 64 sessions did. */
import { join } from "node:path";
import { openHost } from "../parts/child.mjs";
import { spread, table } from "../parts/statistics.mjs";

const HOST = new URL("../layers-host.mjs", import.meta.url);
const RUNS = 9;
const WARM_UPS = 4;

const LAYERS = {
  whole: "**the whole**: default options, one subscriber a session",
  unwatched: "the same without subscribers",
  inMemory: "the same with the in-memory store (the engine alone)",
  model: "scripted model alone",
  schema: "zod alone, once a call",
  plan: "`reduce` of every event and `plan` of every commit",
  seal: "`sealEvent`: serialise, salt, hash",
  values: "`toJournalValue` and redaction of answers and results",
  hop: "worker hop: the same messages to a thread that only answers",
  sqlite: "SQLite alone: a bare `node:sqlite` thread, the same bytes in the same transactions",
};

export const benchLayers = async ({ workDir, say }) => {
  say("what each layer costs at 64 sessions");
  const host = openHost(HOST, { turns: 20, sessions: 64, dataDir: join(workDir, "layers") });
  const recorded = await host.ask({ layer: "record" });
  const samples = Object.fromEntries(Object.keys(LAYERS).map((layer) => [layer, []]));
  for (let round = 0; round < WARM_UPS + RUNS; round += 1) {
    for (const layer of Object.keys(LAYERS)) {
      const sample = await host.ask({ layer });
      if (round >= WARM_UPS) samples[layer].push(sample);
    }
  }
  await host.close();
  const column = (layer, field) => spread(samples[layer].map((sample) => sample[field]));
  const rows = Object.entries(LAYERS).map(([layer, title]) => [
    title,
    column(layer, "wallUs"),
    column(layer, "threadUs"),
  ]);
  const { events, requests, transactions, turns, bytes } = recorded;
  const text = `## What each layer costs, µs a turn at 64 sessions × 20 turns

Each layer alone, over what a real run did: ${events} events (${(events / turns).toFixed(2)} a turn, ${Math.round(bytes / turns)} bytes a turn),
${requests} messages to the store's thread, ${transactions} transactions (${(turns / transactions).toFixed(1)} turns each). Median (min–max) of ${RUNS} runs.
Wall time is what it takes while nothing else runs; thread time is the CPU of the thread that does it (the main thread;
for "SQLite alone" the bare thread). Layers overlap in the whole: the store's thread commits while the main thread goes on.

${table(["layer", "wall, µs a turn", "thread CPU, µs a turn"], rows)}`;
  return { text };
};
