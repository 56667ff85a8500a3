import { ConfigurationError } from "../core/errors.ts";
import type { CallLimits } from "../ports/call-limits.ts";
import type { AgentDefinition } from "./define-agent.ts";

/** Refuses limits of one name that differ: nobody could say which of them are held to. */
export const checkLimits = (agents: readonly AgentDefinition<unknown, never>[]): void => {
  const known = new Map<
    string,
    { readonly agent: string; readonly tool: string; readonly limits: CallLimits }
  >();
  for (const { name: agent, tools } of agents) {
    for (const { name: tool, limits } of tools) {
      if (limits === undefined) continue;
      const first = known.get(limits.name) ?? { agent, tool, limits };
      known.set(limits.name, first);
      // The same tool of the same agent is that of another definition of it, whose runs go on with theirs.
      const isOlder = first.agent === agent && first.tool === tool;
      if (!isOlder && !isSame(first.limits, limits)) throw different(limits.name, first.tool, tool);
    }
  }
};

const isSame = (left: CallLimits, right: CallLimits): boolean =>
  left.maxConcurrent === right.maxConcurrent &&
  left.rate?.calls === right.rate?.calls &&
  left.rate?.perMs === right.rate?.perMs;

const different = (name: string, one: string, other: string): ConfigurationError =>
  new ConfigurationError(
    "DEFINITION_INVALID",
    `Tools "${one}" and "${other}" share the limits "${name}", and say different ones.`,
    { hint: 'Give both the same "maxConcurrent" and "rate", or limits of another name.' },
  );
