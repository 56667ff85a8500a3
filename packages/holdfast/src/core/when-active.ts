import type { RunId } from "./ids.ts";
import type { OpenRun, QueuedRun, SessionState } from "./session-state.ts";

/**
 * What becomes of an input that comes while a run is active (S4).
 * `queue`: it waits its turn. `steer`: it joins the active run before the next model call. `interrupt`: the active
 * run is cancelled, and this one is next. `reject`: it is refused.
 */
export type WhenActive = "queue" | "steer" | "interrupt" | "reject";

const CHOICES: Record<WhenActive, true> = { queue: true, steer: true, interrupt: true, reject: true };

export const WHEN_ACTIVE: readonly string[] = Object.keys(CHOICES);

export const isWhenActive = (value: unknown): value is WhenActive =>
  typeof value === "string" && WHEN_ACTIVE.includes(value);

/** The run that a steer accepted now is meant for: the open one, or the next to begin; null when there is none. */
export const runToSteer = ({ run, queue }: SessionState): RunId | null =>
  run?.runId ?? queue[0]?.runId ?? null;

/** What waits to join this run, in the order of its acceptance. */
export const nextSteer = ({ queue }: SessionState, run: OpenRun): QueuedRun | null =>
  queue.find(
    ({ joins }) =>
      joins !== null && /* guard S4: only what is meant for a run joins it */ joins === run.runId,
  ) ?? null;
