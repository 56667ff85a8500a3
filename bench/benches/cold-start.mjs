/** A fresh process that takes over what a killed one left: until the model is called again. */
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { bytesIn } from "../parts/bytes-in.mjs";
import { openHost } from "../parts/child.mjs";
import { spread, table } from "../parts/statistics.mjs";

const HOST = new URL("../cold-start-host.mjs", import.meta.url);
const RUNS = 7;
/** Cut to half when it is full, so the window holds from 37 to 75 turns: the process is killed when it holds 50. */
const WINDOW_CHARS = 75 * 1_200;
const LIMITS = { maxTurns: 1_000_000, maxWindowChars: WINDOW_CHARS };
/** The question, 50 answers and their results. */
const MESSAGES = 101;

/** Four events a turn. A journal of 100 events has not had 100 messages yet. */
const JOURNALS = {
  short: { turns: 24, messages: null },
  same: { turns: 50, messages: MESSAGES },
  long: { turns: 25_000, messages: MESSAGES },
};

const prepare = async (name, { workDir, say }) => {
  say(`cold start: a session of ${JOURNALS[name].turns} turns is made, and its process killed`);
  const dataDir = join(workDir, `cold-${name}`);
  const host = openHost(HOST, {});
  const made = await host.ask({ what: "prepare", dataDir, limits: LIMITS, ...JOURNALS[name] });
  await host.kill();
  return { ...made, dataDir, bytes: bytesIn(dataDir) };
};

const startOnce = async ({ dataDir, messages }) => {
  const copy = `${dataDir}-copy`;
  await cp(dataDir, copy, { recursive: true });
  const host = openHost(HOST, {});
  const started = await host.ask({ what: "start", dataDir: copy, limits: LIMITS });
  await host.kill();
  await rm(copy, { recursive: true, force: true });
  if (started.messages !== messages) {
    throw new Error(`The model got ${started.messages} messages after the crash, not ${messages}.`);
  }
  return started;
};

export const benchColdStart = async ({ workDir, say }) => {
  const journals = {};
  for (const name of Object.keys(JOURNALS)) journals[name] = await prepare(name, { workDir, say });
  say("cold start: fresh processes");
  const samples = Object.fromEntries(Object.keys(JOURNALS).map((name) => [name, []]));
  for (let run = 0; run <= RUNS; run += 1) {
    for (const [name, journal] of Object.entries(journals)) {
      const sample = await startOnce(journal);
      // The first brings the package's files into memory.
      if (run > 0) samples[name].push(sample);
    }
  }
  const times = (name, field) => samples[name].map((sample) => sample[field]);
  const ratio = times("long", "ms").map((ms, index) => ms / samples.short[index].ms);
  const rows = Object.entries(journals).map(([name, { events, messages, bytes }]) => [
    events.toLocaleString("en-US"),
    messages,
    `${(bytes / 2 ** 20).toFixed(1)} MB`,
    spread(times(name, "openMs")),
    `**${spread(times(name, "ms"))}**`,
  ]);
  const head = [
    "events",
    "messages handed to the model",
    "on disk",
    "`createRuntime`, ms",
    "until the model call, ms",
  ];
  const text = `## Cold start

A process is killed while a model call is open. A fresh one, with the package loaded, calls \`createRuntime\` on a copy of its directory,
and nothing else: it finds the session, proves its holder dead, folds it, builds the prompt and calls the model again. Time runs from the
call of \`createRuntime\` to the model's being entered. Median (min–max) of ${RUNS} processes each, alternating; the files were just copied, so they
are in memory. The window is bounded by \`limits.maxWindowChars\`; everything else is default.

${table(head, rows)}

The longest journal beside the shortest, pair by pair: **${spread(ratio)}**.`;
  const at = {
    // Every cut of the window is an event too, and the last turns go on until it holds just so many messages.
    events: Math.round(journals.long.events / 10_000) * 10_000,
    beside: journals.short.events,
    messages: journals.long.messages - 1,
  };
  const measured = {
    "cold-start-ratio": { at, values: ratio },
    "cold-start-ms": { at, values: times("long", "ms") },
  };
  return { text, measured };
};
