/**
 * Cancels at random moments while many sessions are worked: `npm run cancels -- --sessions 1000 --cancels 10000`.
 * Says how long a cancel takes to be acknowledged, and counts what started of its run after that. Exits 1 when anything
 * did. Real store, real time; tools take up to four seconds, so that sessions are mostly under way and the machine is not what is measured.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createRuntime, defineAgent, defineTool, type Run, type Session } from "holdfast";
import { scriptedModel } from "holdfast/testing";
import { z } from "zod";

const { values } = parseArgs({
  options: {
    sessions: { type: "string", default: "1000" },
    cancels: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
  },
});
const sessions = Number(values.sessions);
const cancels = Number(values.cancels);

/** A mulberry32 generator, so that a figure can be made again. */
const chanceOf = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
};
const chance = chanceOf(Number(values.seed));
const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** Runs whose cancel was acknowledged, and what of them began after that. */
const stopped = new Set<string>();
let late = 0;
let started = 0;

const entered = (runId: string): void => {
  started += 1;
  if (stopped.has(runId)) late += 1;
};

const act = defineTool()({
  name: "act",
  description: "acts",
  inputSchema: z.object({}),
  effect: "idempotent",
  execute: async (_, { runId, signal }) => {
    entered(runId);
    await pause(200 + chance() * 4_000);
    if (signal.aborted) throw signal.reason;
    return "done";
  },
});

const agent = defineAgent({
  name: "worker",
  instructions: "Work.",
  tools: [act],
  limits: { maxTurns: 1_000 },
  // Every turn asks for two calls, so that a run never ends by itself.
  model: scriptedModel(() => ({
    toolCalls: [
      { name: "act", input: {} },
      { name: "act", input: {} },
    ],
  })),
});

const dataDir = await mkdtemp(join(tmpdir(), "holdfast-cancels-"));
const quiet = {
  debug: (): void => undefined,
  info: (): void => undefined,
  warn: (): void => undefined,
  error: console.error,
};
const runtime = await createRuntime({
  agents: [agent],
  dataDir,
  maxActiveSessions: sessions + 1,
  logger: quiet,
});
const latencies: number[] = [];
let left = cancels;

/** One session: a run, a cancel after a while, the next run. */
const live = async (session: Session): Promise<void> => {
  while (left > 0) {
    left -= 1;
    const run: Run = await session.send("Work.");
    await pause(chance() * 10_000);
    const askedAt = performance.now();
    await run.cancel();
    latencies.push(performance.now() - askedAt);
    stopped.add(run.id);
    await run.outcome({ until: "settled" });
  }
};

const opened = await Promise.all(Array.from({ length: sessions }, () => runtime.createSession(agent)));
const begunAt = performance.now();
await Promise.all(opened.map((session) => live(session)));
const tookS = (performance.now() - begunAt) / 1_000;
await runtime.close();
await rm(dataDir, { recursive: true, force: true });

const sorted = latencies.toSorted((left, right) => left - right);
const at = (share: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
process.stdout.write(
  `${latencies.length} cancels among ${sessions} active sessions in ${tookS.toFixed(0)} s, ${started} tool calls entered\n` +
    `acknowledged: median ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms\n` +
    `started after the acknowledgement: ${late}\n`,
);
process.exitCode = late === 0 ? 0 : 1;
