/** One session alone: the time from one model call to the next, and what two bare commits of the same bytes take. */
import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { createRuntime } from "holdfast";
import { createSqliteStore } from "holdfast/stores";
import { rowsOf } from "./parts/bare-sqlite.mjs";
import { serve } from "./parts/child.mjs";
import { source } from "./parts/set-up.mjs";
import { benchAgent, benchModel } from "./peers/holdfast.mjs";
import { ANSWER, QUESTION } from "./workload.mjs";

const { createSystemClock } = await import(source("runtime/system-clock.ts"));

/** A model that notes when it was entered. */
const timed = (model, entered) => ({
  provider: model.provider,
  modelId: model.modelId,
  call: (request) => {
    entered.push(performance.now());
    return model.call(request);
  },
});

/** The store, keeping the events of each commit and how long it took. */
const recorded = (store, commits) =>
  new Proxy(store, {
    get: (target, name) => {
      if (name === "commit") {
        return async (request) => {
          const begun = performance.now();
          const answer = await target.commit(request);
          commits.push({ events: request.events, ms: performance.now() - begun });
          return answer;
        };
      }
      const member = target[name];
      return typeof member === "function" ? member.bind(target) : member;
    },
  });

/** Runs one session to its end, with one subscriber. */
const runSession = async (runtime, agent) => {
  const session = await runtime.createSession(agent);
  const watching = (async () => {
    for await (const event of session.events()) if (event.type === "run.completed") return;
  })();
  const run = await session.send(QUESTION);
  const outcome = await run.outcome();
  if (outcome.output !== ANSWER) throw new Error(`A session ended otherwise: ${JSON.stringify(outcome)}`);
  await watching;
};

const gaps = (times) => times.slice(1).map((time, index) => time - times[index]);

await serve(async ({ turns, dataDir }) => {
  const entered = [];
  const agent = benchAgent({ turns, model: timed(benchModel(turns), entered) });
  const runtime = await createRuntime({ agents: [agent], dataDir });
  const commits = [];
  const clock = createSystemClock();
  const store = await createSqliteStore({ dataDir: `${dataDir}-record`, clock });
  const recording = await createRuntime({
    agents: [agent],
    dataDir: `${dataDir}-record`,
    store: recorded(store, commits),
  });
  const bare = new Worker(new URL("./bare-commit-thread.mjs", import.meta.url), {
    workerData: { path: join(dataDir, "bare.db") },
  });
  bare.unref();
  const commitBare = async (events) => {
    const answered = once(bare, "message");
    bare.postMessage(rowsOf(events));
    await answered;
  };

  /** Two commits a turn: the answer with the start of the tool, the result with the start of the next call. */
  const pairs = () => {
    const whole = commits.slice(1, -1);
    return Array.from({ length: whole.length >> 1 }, (_, index) => whole.slice(2 * index, 2 * index + 2));
  };
  const parts = {
    whole: async () => {
      entered.length = 0;
      await runSession(runtime, agent);
      return gaps(entered);
    },
    record: async () => {
      commits.length = 0;
      await runSession(recording, agent);
      return pairs().map(([first, second]) => first.ms + second.ms);
    },
    bare: async () => {
      const times = [];
      for (const [first, second] of pairs()) {
        const begun = performance.now();
        await commitBare(first.events);
        await commitBare(second.events);
        times.push(performance.now() - begun);
      }
      return times;
    },
  };
  return {
    answer: async ({ part }) => {
      globalThis.gc();
      return parts[part]();
    },
    close: async () => void (await Promise.all([runtime.close(), recording.close()])),
  };
});
