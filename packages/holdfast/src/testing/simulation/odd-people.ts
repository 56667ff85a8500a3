import type { SessionId } from "../../core/ids.ts";
import { OTHER_AGENT } from "./simulated-agent.ts";
import type { Booted } from "./booted.ts";
import { tenantOf } from "./tenants.ts";
import type { Simulation } from "./simulation.ts";

const ANSWERS = ["completed", "failed", "retry"] as const;

/** Asks for what has to be refused, or for much at once; what is answered all the same is written down. */
export const askOddly = async (
  sim: Simulation,
  by: Booted,
  sessions: Iterable<readonly [string, SessionId]>,
) => {
  const one = sim.random.any([...sessions]);
  if (one === undefined) return;
  const [key, sessionId] = one;
  sim.chaos.struck("odd-request", sessionId);
  const which = sim.random.between(1, 9);
  if (which === 1) await useKeyAgain(sim, by, sessionId);
  else if (which === 2) await useSessionKeyAgain(sim, by, key);
  else if (which === 3) await stopAll(sim, by, sessionId);
  else await answerTwice(sim, by, sessionId);
};

/** The key of an input that was acknowledged, with another input (J5). */
const useKeyAgain = async (sim: Simulation, { runtime, process }: Booted, sessionId: SessionId) => {
  const inputs = sim.ledger.acknowledged.filter(
    (said) => said.kind === "input" && said.sessionId === sessionId,
  );
  const first = sim.random.any(inputs);
  if (first?.kind !== "input") return;
  const { key } = first;
  const says = `instead of ${key}`;
  const session = await runtime.getSession(sessionId);
  const { id: runId } = await session.send(says, { idempotencyKey: key });
  const at = sim.clock.monotonicMs();
  sim.ledger.acknowledged.push({ kind: "input", sessionId, key, runId, says, by: process.name, at });
};

/** The key of a session, for one with another agent (J5). */
const useSessionKeyAgain = async (sim: Simulation, { runtime }: Booted, key: string) => {
  const { id: sessionId } = await runtime.createSession(OTHER_AGENT, {
    key,
    ...tenantOf(sim, key),
  });
  sim.ledger.told.push({ kind: "session", sessionId, agent: OTHER_AGENT });
};

/** Sends a last word, and then stops whatever there is to stop (E5). */
export const stopAll = async (sim: Simulation, { runtime, process }: Booted, sessionId: SessionId) => {
  const session = await runtime.getSession(sessionId);
  const before = sim.ledger.acknowledged.flatMap((said) =>
    said.kind === "input" && said.sessionId === sessionId ? [said.runId] : [],
  );
  const runs = await session.cancel("enough");
  for (const runId of runs) sim.stopped(process, sessionId, runId);
  sim.ledger.told.push({
    kind: "stopped",
    sessionId,
    before,
    runs,
    durable: sim.ledger.durableOf(sessionId),
  });
};

/** Two answers at once about an open call, whether or not anybody asked for one (E2). */
const answerTwice = async (sim: Simulation, { runtime }: Booted, sessionId: SessionId) => {
  const session = await runtime.getSession(sessionId);
  const { openCalls } = await session.snapshot();
  const call = sim.random.any(openCalls);
  if (call === undefined) return;
  const { callId } = call;
  const answer = async (by: string): Promise<void> => {
    const as = sim.random.pick(ANSWERS);
    await session.resolveCall(callId, as === "completed" ? { as, by, output: "seen" } : { as, by });
    sim.ledger.told.push({ kind: "resolution", sessionId, callId, durable: sim.ledger.durableOf(sessionId) });
  };
  // Whoever says the same again is told the same again: no two answers are alike.
  const first = sim.random.between(0, 1_000_000);
  await Promise.allSettled([answer(`person ${first}`), answer(`person ${first}'s neighbour`)]);
};
