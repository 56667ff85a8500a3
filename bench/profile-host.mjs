/** Runs Holdfast under the profiler, both threads. */
import { Session } from "node:inspector/promises";
import { serve } from "./parts/child.mjs";
import { watchThreads } from "./parts/store-thread.mjs";

const threads = watchThreads();

/** Self time by function, longest first. */
const summarise = ({ nodes, samples, timeDeltas }) => {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const selfUs = new Map();
  let totalUs = 0;
  for (const [index, id] of samples.entries()) {
    const name = names.get(id);
    const us = Math.max(0, timeDeltas[index]);
    selfUs.set(name, (selfUs.get(name) ?? 0) + us);
    totalUs += us;
  }
  const idleUs = selfUs.get("(idle)") ?? 0;
  selfUs.delete("(idle)");
  const functions = [...selfUs].map(([name, us]) => ({ name, ms: us / 1000 }));
  return {
    totalMs: totalUs / 1000,
    busyMs: (totalUs - idleUs) / 1000,
    functions: functions.toSorted((left, right) => right.ms - left.ms),
  };
};

const nameOf = ({ functionName, url }) => {
  if (functionName.startsWith("(") || url === "") return functionName || "(anonymous)";
  const file = url
    .replace(/^.*\/node_modules\//, "")
    .replace("holdfast/dist/", "")
    .replace(/^file:.*\//, "");
  return `\`${functionName || "(anonymous)"}\` ${file}`;
};

await serve(async (settings) => {
  const { openPeer } = await import("./peers/holdfast.mjs");
  const peer = await openPeer(settings);
  const profile = async (work) => {
    const session = new Session();
    session.connect();
    await session.post("Profiler.enable");
    const [store] = threads;
    const handle = await store.startCpuProfile();
    await session.post("Profiler.start");
    await work();
    const main = (await session.post("Profiler.stop")).profile;
    session.disconnect();
    return { main: summarise(main), store: summarise(JSON.parse(await handle.stop())) };
  };
  return {
    answer: async ({ sessions, warmUps, rounds }) => {
      const times = async (count) => {
        for (let round = 0; round < count; round += 1) await peer.run(sessions);
      };
      await times(warmUps);
      return profile(() => times(rounds));
    },
    close: peer.close,
  };
});
