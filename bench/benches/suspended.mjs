/** Very many sessions that wait for somebody: what they hold in a process, and how fast one of them goes on. */
import { join } from "node:path";
import { bytesIn } from "../parts/bytes-in.mjs";
import { openHost } from "../parts/child.mjs";
import { percentile, spread, table } from "../parts/statistics.mjs";

const HOST = new URL("../suspended-host.mjs", import.meta.url);
const GARBAGE = new URL("../garbage-host.mjs", import.meta.url);
const SESSIONS = 100_000;
const STEP = 10_000;
/** A process that has worked holds more than a new one, whatever it has worked on: read again after so many. */
const FIRST = 2_000;
const BATCHES = 5;
const WAKES = 200;
const OPENED = 5;

const mb = (bytes) => bytes / 2 ** 20;

const makeAll = async (dataDir, say) => {
  const host = openHost(HOST, { dataDir });
  const empty = await host.ask({ what: "rss" });
  let count = await host.ask({ what: "suspend", from: 0, count: FIRST });
  const worked = await host.ask({ what: "rss" });
  const begun = performance.now();
  for (let from = FIRST; from < SESSIONS; from += STEP) {
    say(`suspended sessions: ${from.toLocaleString("en-US")} of ${SESSIONS.toLocaleString("en-US")}`);
    count += await host.ask({ what: "suspend", from, count: Math.min(STEP, SESSIONS - from) });
  }
  const seconds = (performance.now() - begun) / 1000;
  const full = await host.ask({ what: "rss" });
  await host.close();
  return {
    overEmpty: mb(full.rssBytes - empty.rssBytes),
    overWorked: mb(full.rssBytes - worked.rssBytes),
    heap: mb(full.heapBytes - empty.heapBytes),
    at: { sessions: count },
    perSecond: (SESSIONS - FIRST) / seconds,
  };
};

/** A fresh process on that directory beside one on an empty one. */
const rssOf = async (dataDir) => {
  const host = openHost(HOST, { dataDir });
  const { rssBytes } = await host.ask({ what: "rss" });
  await host.close();
  return rssBytes;
};

/** What a process keeps that only made garbage, over itself when it was new. */
const garbageOf = async () => {
  const host = openHost(GARBAGE, {});
  const before = await host.ask({ what: "rss" });
  const after = await host.ask({ what: "work" });
  await host.close();
  return mb(after.rssBytes - before.rssBytes);
};

const wakeSome = async (dataDir) => {
  const host = openHost(HOST, { dataDir });
  const { sessions } = await host.ask({ what: "waiting", count: (BATCHES + 1) * WAKES, outOf: SESSIONS });
  const batches = [];
  for (let batch = 0; batch <= BATCHES; batch += 1) {
    const times = await host.ask({
      what: "wake",
      sessions: sessions.slice(batch * WAKES, (batch + 1) * WAKES),
    });
    if (times.length !== WAKES) throw new Error(`${times.length} sessions were woken, not ${WAKES}.`);
    // The first compiles.
    if (batch > 0) batches.push(times);
  }
  await host.close();
  return batches;
};

export const benchSuspended = async ({ workDir, say }) => {
  const dataDir = join(workDir, "suspended");
  const made = await makeAll(dataDir, say);
  const disk = bytesIn(dataDir) / 1024 / SESSIONS;
  say("suspended sessions: fresh processes");
  const fresh = [];
  for (let pair = 0; pair < OPENED; pair += 1) {
    const empty = await rssOf(join(workDir, `suspended-none-${pair}`));
    fresh.push(mb((await rssOf(dataDir)) - empty));
  }
  const garbage = await garbageOf();
  say("suspended sessions: one wakes");
  const batches = await wakeSome(dataDir);
  const at = (share) => batches.map((times) => percentile(times, share));
  const rows = [
    ["made by `createSession` and `send`, sessions a second", made.perSecond.toFixed(0)],
    ["on disk, a session", `${disk.toFixed(2)} KB`],
    ["RSS of a fresh process that has them open, over one on an empty directory", `${spread(fresh)} MB`],
    ["RSS of the process that made them, over itself when it was new", `${made.overEmpty.toFixed(0)} MB`],
    [
      `the same, over itself after the first ${FIRST.toLocaleString("en-US")}`,
      `${made.overWorked.toFixed(0)} MB`,
    ],
    [
      "for comparison: a process without Holdfast that made garbage for 256 at once, over itself when it was new",
      `${garbage.toFixed(0)} MB`,
    ],
    ["the heap of its main thread, in use, over itself when it was new", `${made.heap.toFixed(1)} MB`],
    ["from `resolveCall` to the next model call, p50", `${spread(at(0.5))} ms`],
    ["the same, p99", `**${spread(at(0.99))} ms**`],
  ];
  const text = `## ${SESSIONS.toLocaleString("en-US")} suspended sessions

Each session has asked for a payment whose tool failed in the middle, so nobody knows whether it went through: the run is suspended and
waits for a person. RSS is read after garbage collection. Sessions that wake are spread over all of them, one after another in a fresh process:
${BATCHES} batches of ${WAKES}, median (min–max) of the batches.

${table(["", ""], rows)}`;
  const measured = {
    "suspended-fresh": { at: made.at, values: fresh },
    "suspended-made": { at: made.at, values: [made.overEmpty] },
    "suspended-wake": { at: made.at, values: at(0.99) },
  };
  return { text, measured };
};
