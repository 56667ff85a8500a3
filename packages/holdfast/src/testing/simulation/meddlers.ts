import type { RunId, SessionId } from "../../core/ids.ts";
import type { Booted } from "./booted.ts";
import type { Simulation } from "./simulation.ts";

/** Any process, and as often as not the one that has the session: it may not have heard yet of what is cancelled. */
const anyProcess = ({ random, living, ledger }: Simulation, sessionId: SessionId): Booted | undefined => {
  const running = living.filter(({ process }) => process.isRunning);
  const holder = running.find(({ process }) => process.name === ledger.holders.get(sessionId));
  return random.chance(0.5) && holder !== undefined ? holder : random.any(running);
};

/** Stops a run through any process, at once. */
const cancel = async (sim: Simulation, sessionId: SessionId, runId: RunId): Promise<void> => {
  const someone = anyProcess(sim, sessionId);
  if (someone === undefined) return;
  const session = await someone.runtime.getSession(sessionId);
  await session.cancelRun(runId);
  sim.stopped(someone.process, sessionId, runId);
};

/** Somebody thinks better of what was just handed in, maybe through another process. */
export const cancelAtOnce = (sim: Simulation, sessionId: SessionId, runId: RunId): void => {
  sim.chaos.struck("cancel-at-once", sessionId);
  void cancel(sim, sessionId, runId).catch(() => undefined);
};

/** Somebody presses twice. */
export const cancelAgain = (sim: Simulation, sessionId: SessionId, runId: RunId): void => {
  sim.chaos.struck("cancel-again", sessionId);
  const again = (): void => void cancel(sim, sessionId, runId).catch(() => undefined);
  sim.clock.startTimer(sim.random.pick([0, 1, 40, 400]), again);
};

/** An operator lets go on what does not wait for one. */
export const resumeInVain = (
  sim: Simulation,
  { runtime }: Booted,
  sessionId: SessionId | undefined,
): void => {
  if (sessionId === undefined) return;
  sim.chaos.struck("resume-in-vain", sessionId);
  const resume = async (): Promise<void> => {
    const session = await runtime.getSession(sessionId);
    await session.resume();
  };
  void resume().catch(() => undefined);
};
