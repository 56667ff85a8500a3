import type { OpenRun, SessionState } from "../core/session-state.ts";
import type { Agent } from "../ports/agent.ts";

/** The definition that a run goes on with here: its own, where this process has it and the run asked for that (S6). */
export const definitionFor = (newest: Agent, run: OpenRun | null): Agent => {
  if (run === null || run.definition.onUpgrade === "migrate") return newest;
  const { digest } = run.definition;
  // guard S6: a pinned run goes on with its own definition
  if (newest.digest !== digest) return newest.older.find((older) => older.digest === digest) ?? newest;
  return newest;
};

/** The definition that a session goes on with here; undefined where this process does not have its agent. */
export const definitionOf = (
  agents: ReadonlyMap<string, Agent>,
  { agent, run }: SessionState,
): Agent | undefined => {
  const newest = agents.get(agent);
  return newest === undefined ? undefined : definitionFor(newest, run);
};
