import type { SessionId } from "../../core/ids.ts";
import type { Booted } from "./booted.ts";
import type { Simulation } from "./simulation.ts";

const SETTLED: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"]);

/** Somebody has it forgotten what was said in a session so far, or some of it, while it is at rest (J4). */
export const forget = async (
  sim: Simulation,
  { runtime }: Booted,
  sessionId: SessionId | undefined,
): Promise<void> => {
  const { ledger, chaos, random } = sim;
  if (sessionId === undefined || !SETTLED.has(ledger.summaries.get(sessionId)?.status ?? "")) return;
  chaos.struck("erase", sessionId);
  const durable = ledger.durableOf(sessionId);
  const upTo = random.chance(0.6) ? durable : random.between(1, durable);
  const events = (await sim.readStored(sessionId)).slice(0, upTo);
  const erasure = { sessionId, upTo, events, from: sim.world.moment(), isDone: false };
  ledger.erasures.push(erasure);
  sim.say(`forget ${sessionId} up to ${upTo}`);
  await runtime.store.erase(sessionId, { upTo });
  erasure.isDone = true;
};
