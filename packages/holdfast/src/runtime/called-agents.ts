import { childAgentOf } from "../core/child-call.ts";
import { handOffTarget } from "../core/hand-off-terms.ts";
import { ConfigurationError } from "../core/errors.ts";
import { nearestName } from "../core/nearest-name.ts";
import type { AgentDefinition } from "./define-agent.ts";
import type { DefinedTool } from "./define-tool.ts";

type Definition = AgentDefinition<unknown, never>;

/**
 * The agents a runtime is given, and those that they call, or hand over to. Several versions of one may be given: the last is the newest.
 *
 * @throws ConfigurationError where a tool names an agent that is not among them, or two of them have one name and version.
 */
export const withChildren = (given: readonly Definition[]): readonly Versions[] => {
  const all = new Map<string, Definition[]>(given.map(({ name }) => [name, []]));
  // The last that is given of a name comes first of its versions, and what is only called comes after all that is given.
  const open = given.toReversed();
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    const known = all.get(next.name) ?? [];
    if (known.includes(next)) continue;
    checkVersion(next, known);
    all.set(next.name, [...known, next]);
    for (const tool of next.tools) open.push(...calledBy(tool));
  }
  for (const versions of all.values())
    for (const agent of versions) for (const tool of agent.tools) checkKnown(agent, tool, all);
  return [...all.values()].flatMap(([newest, ...older]) => (newest === undefined ? [] : [{ newest, older }]));
};

/** The definitions of one agent that a runtime has: new runs begin with the newest, the others are for open runs (S6). */
type Versions = { readonly newest: Definition; readonly older: readonly Definition[] };

const checkVersion = ({ name, version }: Definition, known: readonly Definition[]): void => {
  if (known.every((other) => other.version !== version)) return;
  const what = version === null ? `named "${name}"` : `named "${name}" and of version "${version}"`;
  throw new ConfigurationError("DEFINITION_INVALID", `Two different agents are ${what}.`, {
    hint: "Sessions find their agent by its name: give each a name of its own, or each of its definitions a version.",
  });
};

const calledBy = (tool: DefinedTool<unknown, unknown, never>): readonly Definition[] =>
  "agent" in tool && typeof tool.agent === "object" && tool.agent !== null ? [tool.agent as Definition] : [];

const checkKnown = (
  agent: Definition,
  tool: DefinedTool<unknown, unknown, never>,
  all: ReadonlyMap<string, readonly Definition[]>,
): void => {
  const target = handOffTarget(tool.policy);
  const named = childAgentOf(tool.policy) ?? target;
  const found = all.get(named ?? "");
  if (named === null) return;
  if (target !== null) for (const other of found ?? []) checkAnswers(agent, other);
  if (found !== undefined) return;
  const near = nearestName(named, [...all.keys()]);
  throw new ConfigurationError(
    "DEFINITION_INVALID",
    `Tool "${tool.name}" of agent "${agent.name}" names agent "${named}", which this runtime does not have.`,
    { hint: near === undefined ? "Give it to createRuntime in `agents`." : `Did you mean "${near}"?` },
  );
};

/** Whoever waits for the run expects the answer of the agent it was begun with. */
const checkAnswers = (agent: Definition, next: Definition): void => {
  const formOf = ({ output }: Definition): string => JSON.stringify(output?.jsonSchema ?? null);
  if (formOf(agent) === formOf(next)) return;
  throw new ConfigurationError(
    "DEFINITION_INVALID",
    `Agent "${agent.name}" hands over to "${next.name}", which answers in another form.`,
    { hint: "Give both the same `output`, or neither any." },
  );
};
