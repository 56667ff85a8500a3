import type { OpenRun } from "../core/session-state.ts";
import { holdForUpgrade } from "../core/upgrade.ts";
import type { Agent } from "../ports/agent.ts";
import type { ActiveSession } from "./active-session.ts";
import type { Batch } from "./batch.ts";

/** The definition that a run goes on with here: its own, where this process has it and the run asked for that (S6). */
export const definitionFor = (newest: Agent, run: OpenRun | null): Agent => {
  if (run === null || run.definition.onUpgrade === "migrate") return newest;
  const { digest } = run.definition;
  // guard S6: a pinned run goes on with its own definition
  if (newest.digest !== digest) return newest.older.find((older) => older.digest === digest) ?? newest;
  return newest;
};

/** A run that may not go on with the definition that is here waits for its own, or for an operator (S6). */
export const holdOtherDefinition = ({ agent, isDraining }: ActiveSession, batch: Batch): void => {
  const { run } = batch.state;
  if (run === null || isDraining) return;
  for (const draft of holdForUpgrade(run, agent, batch.now())) batch.add(draft);
};

/** Whether the next run is begun in a commit of its own: the one before it had an older definition. */
export const isBehind = ({ agent, newest }: ActiveSession): boolean => agent !== newest;
