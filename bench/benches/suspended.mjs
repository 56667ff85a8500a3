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

/** What a session waits for, what it is called in the results, and how a person answers. */
const KINDS = {
  resolution: {
    key: "suspended",
    title: "suspended sessions",
    why: `Each session has asked for a payment whose tool failed in the middle, so nobody knows whether it went through: the run is suspended and
waits for a person.`,
    answered: "`resolveCall`",
  },
  approval: {
    key: "approvals",
    title: "sessions that wait for an approval",
    why: "Each session has asked for a payment that a person has to approve, and its run is suspended.",
    answered: "`decide`",
  },
};

const makeAll = async (dataDir, { waitingFor, say }) => {
  const host = openHost(HOST, { dataDir, waitingFor });
  const empty = await host.ask({ what: "rss" });
  let count = await host.ask({ what: "suspend", from: 0, count: FIRST });
  const worked = await host.ask({ what: "rss" });
  const begun = performance.now();
  for (let from = FIRST; from < SESSIONS; from += STEP) {
    say(`${KINDS[waitingFor].title}: ${from.toLocaleString("en-US")} of ${SESSIONS.toLocaleString("en-US")}`);
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
const rssOf = async (dataDir, waitingFor) => {
  const host = openHost(HOST, { dataDir, waitingFor });
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

const wakeSome = async (dataDir, waitingFor) => {
  const host = openHost(HOST, { dataDir, waitingFor });
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

const benchWaiting = async (waitingFor, { workDir, say }) => {
  const { key, title, why, answered } = KINDS[waitingFor];
  const dataDir = join(workDir, key);
  const made = await makeAll(dataDir, { waitingFor, say });
  const disk = bytesIn(dataDir) / 1024 / SESSIONS;
  say(`${title}: fresh processes`);
  const fresh = [];
  for (let pair = 0; pair < OPENED; pair += 1) {
    const empty = await rssOf(join(workDir, `${key}-none-${pair}`), waitingFor);
    fresh.push(mb((await rssOf(dataDir, waitingFor)) - empty));
  }
  const garbage = await garbageOf();
  say(`${title}: one wakes`);
  const batches = await wakeSome(dataDir, waitingFor);
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
    [`from ${answered} to the next model call, p50`, `${spread(at(0.5))} ms`],
    ["the same, p99", `**${spread(at(0.99))} ms**`],
  ];
  const text = `## ${SESSIONS.toLocaleString("en-US")} ${title}

${why} RSS is read after garbage collection. Sessions that wake are spread over all of them, one after another in a fresh process:
${BATCHES} batches of ${WAKES}, median (min–max) of the batches.

${table(["", ""], rows)}`;
  const measured = {
    [`${key}-fresh`]: { at: made.at, values: fresh },
    [`${key}-made`]: { at: made.at, values: [made.overEmpty] },
    [`${key}-wake`]: { at: made.at, values: at(0.99) },
  };
  return { text, measured };
};

export const benchSuspended = (options) => benchWaiting("resolution", options);
export const benchApprovals = (options) => benchWaiting("approval", options);
