/** A thousand sessions at work whose runs are cancelled at moments of chance: how soon, and what of them began after that. */
import { createRuntime, defineAgent, defineTool } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { z } from "zod";
import { serve } from "./parts/child.mjs";

/** A run is cancelled somewhere in its first ten seconds, and a tool takes up to four. */
const CANCEL_WITHIN_MS = 10_000;
const TOOL_MS = { least: 200, spread: 4_000 };

/** A mulberry32 generator, so that a round can be played again. */
const chanceOf = (seed) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
};

const pause = (ms) => new Promise((resolve) => void setTimeout(resolve, ms));

await serve(async ({ dataDir, sessions, seed }) => {
  const chance = chanceOf(seed);
  /** Runs whose cancel was acknowledged. */
  const stopped = new Set();
  let calls = 0;
  let late = 0;

  const act = defineTool()({
    name: "act",
    description: "Acts for a while.",
    inputSchema: z.object({}),
    effect: "idempotent",
    execute: async (_, { runId, signal }) => {
      calls += 1;
      if (stopped.has(runId)) late += 1;
      await pause(TOOL_MS.least + chance() * TOOL_MS.spread);
      if (signal.aborted) throw signal.reason;
      return "done";
    },
  });
  const agent = defineAgent({
    name: "worker",
    instructions: "You work.",
    tools: [act],
    limits: { maxTurns: 1_000 },
    // Two calls a turn and no answer: a run only ends by being cancelled.
    model: scriptedModel(() => ({
      toolCalls: [
        { name: "act", input: {} },
        { name: "act", input: {} },
      ],
    })),
  });
  const runtime = await createRuntime({ agents: [agent], dataDir, maxActiveSessions: sessions + 1 });
  const opened = await Promise.all(Array.from({ length: sessions }, () => runtime.createSession(agent)));

  let left = 0;
  let latencies = [];
  /** Runs of one session, each cancelled, for as long as there are cancels left. */
  const live = async (session) => {
    while (left > 0) {
      left -= 1;
      const run = await session.send("Work.");
      await pause(chance() * CANCEL_WITHIN_MS);
      const asked = performance.now();
      await run.cancel();
      latencies.push(performance.now() - asked);
      stopped.add(run.id);
      await run.outcome({ until: "settled" });
    }
  };

  const answer = async ({ cancels }) => {
    left = cancels;
    latencies = [];
    calls = 0;
    const begun = performance.now();
    await Promise.all(opened.map((session) => live(session)));
    return { latencies, calls, late, seconds: (performance.now() - begun) / 1_000 };
  };
  return { answer, close: () => runtime.close() };
});
