import { holdForUpgrade } from "../core/upgrade.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";

/** A run that may not go on with the definition that is here waits for its own, or for an operator (S6). */
export const holdOtherDefinition = ({ agent, isDraining }: ActiveSession, batch: Batch): void => {
  const { run } = batch.state;
  if (run === null || isDraining) return;
  for (const draft of holdForUpgrade(run, agent, batch.now())) batch.add(draft);
};

/** Whether the next run is begun in a commit of its own: the one before it had an older definition. */
export const isBehind = ({ agent, newest }: ActiveSession): boolean => agent !== newest;
