import { ConfigurationError } from "../core/errors.ts";
import { nearestName } from "../core/nearest-name.ts";
import { checkOptions } from "../definitions/known-options.ts";
import type { Interceptor } from "../ports/interceptor.ts";
import type { AgentDefinition } from "./define-agent.ts";

/** Refuses those that would silently look at nothing. */
export const checkInterceptors = (
  interceptors: readonly Interceptor[],
  agents: readonly AgentDefinition<unknown, never>[],
): readonly Interceptor[] => {
  const tools = agents.flatMap((agent) => agent.tools.map(({ name }) => name));
  for (const interceptor of interceptors) check(interceptor, tools);
  return interceptors;
};

const check = (interceptor: Interceptor, tools: readonly string[]): void => {
  const owner = `createRuntime: interceptor "${String(interceptor.name)}"`;
  checkOptions(interceptor, { owner, known: ["name", "tools", "before", "after"], later: [] });
  if (typeof interceptor.name !== "string" || interceptor.name === "")
    throw invalid(`${owner} needs a name.`);
  const { before, after } = interceptor;
  if (typeof before !== "function" && typeof after !== "function")
    throw invalid(`${owner} does nothing: give it "before", "after" or both, as functions.`);
  const unknown = interceptor.tools?.find((name) => !tools.includes(name));
  if (unknown === undefined) return;
  const near = nearestName(unknown, tools);
  throw invalid(
    `${owner} is to see calls of "${unknown}", which no agent has.`,
    near && `Did you mean "${near}"?`,
  );
};

const invalid = (message: string, hint?: string): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", message, hint === undefined ? {} : { hint });
