import { ConfigurationError } from "../core/errors.ts";
import { nearestName } from "../core/nearest-name.ts";
import { childAgentOf } from "../core/child-call.ts";
import { handOffTarget } from "../core/hand-off-terms.ts";
import type { Tool } from "../ports/tool.ts";

/** Whatever takes another tool's place has to be there, run here, and do no more than that. */
export const checkFallbacks = (tools: readonly Tool[], owner: string): void => {
  for (const tool of tools) {
    const named = tool.fallback?.tool ?? null;
    if (named !== null) checkFallback(tool, { named, tools, owner });
  }
};

const checkFallback = (
  tool: Tool,
  {
    named,
    tools,
    owner,
  }: { readonly named: string; readonly tools: readonly Tool[]; readonly owner: string },
): void => {
  const other = tools.find(({ name }) => name === named);
  const where = `${owner}: tool "${tool.name}" falls back on "${named}"`;
  if (other === undefined) {
    const names = tools.map(({ name }) => name);
    const near = nearestName(named, names);
    throw invalid(
      `${where}, which the agent does not have.`,
      near === undefined ? names.join(", ") : `Did you mean "${near}"?`,
    );
  }
  const { policy } = other;
  if (policy.by !== "runtime" || childAgentOf(policy) !== null || handOffTarget(policy) !== null)
    throw invalid(
      `${where}, which is not run here.`,
      "A tool with an execute function can take another's place.",
    );
  if (tool.policy.effect === "read" && policy.effect !== "read")
    throw invalid(
      `${where}, which is a "${policy.effect}": in place of what only reads nothing is done.`,
      'Name a "read".',
    );
};

const invalid = (message: string, hint: string): ConfigurationError =>
  new ConfigurationError("DEFINITION_INVALID", message, { hint });
