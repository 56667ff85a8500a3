import { failure, toFailure, type Failure } from "../../core/index.ts";
import type { ToolResource } from "../../ports/index.ts";
import type { AgentDefinition } from "../../runtime/index.ts";

/** What one system behind tools answers. */
export type ToolReport = {
  readonly name: string;
  readonly tools: readonly string[];
  /** `unknown` where there is no way to ask it without doing something. */
  readonly state: "answers" | "unknown" | "failed";
  readonly failure: Failure | null;
};

/** Longest wait for one of them. */
const LIMIT_MS = 10_000;

/** Asks everything that the tools of these agents hold open whether it answers, all at once, and lets go of it again. */
export const lookAtTools = async (
  agents: Iterable<AgentDefinition<unknown>>,
): Promise<readonly ToolReport[]> => {
  const found = new Map<ToolResource, Set<string>>();
  for (const { tools } of agents)
    for (const { name, resource } of tools)
      if (resource !== undefined) found.set(resource, (found.get(resource) ?? new Set()).add(name));
  return Promise.all([...found].map(([resource, tools]) => lookAt(resource, [...tools])));
};

const lookAt = async (resource: ToolResource, tools: readonly string[]): Promise<ToolReport> => {
  const { name } = resource;
  if (resource.check === undefined) return { name, tools, state: "unknown", failure: null };
  const { createSystemClock } = await import("../../runtime/index.ts");
  const stop = new AbortController();
  const { promise: late, resolve } = Promise.withResolvers<Failure>();
  const timer = createSystemClock().startTimer(LIMIT_MS, () => {
    resolve(failure("TOOL_TIMEOUT", `${name} did not answer within ${LIMIT_MS / 1_000} s.`));
    stop.abort();
  });
  try {
    const wrong = await Promise.race([resource.check(stop.signal), late]);
    return { name, tools, state: wrong === null ? "answers" : "failed", failure: wrong };
  } catch (thrown) {
    return { name, tools, state: "failed", failure: toFailure(thrown) };
  } finally {
    timer.stop();
    // What does not let go ends with this process.
    void resource.close().catch(() => undefined);
  }
};
